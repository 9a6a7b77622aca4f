using System.CommandLine;
using QuaRot.Cli.Commands;

var root = new RootCommand("QuaRot.Cluster: Llama-family models served 4-bit end to end")
{
    ServeCommand.Create(),
    SiloCommand.Create(),
    ChatCommand.Create(),
    GenerateCommand.Create(),
    LoadtestCommand.Create(),
    QuantizeCommand.Create(),
    EvalCommand.Create(),
    InspectCommand.Create(),
    SynthCommand.Create(),
    BenchCommand.Create(),
    DoctorCommand.Create(),
    TokenizeCommand.Create(),
};

// Longer than the host takes to stop, so that a signal ends in an orderly way.
var invocation = new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = TimeSpan.FromSeconds(30) };
return await Failures.Guard(() => root.Parse(args).InvokeAsync(invocation));
