using System.CommandLine;
using QuaRot.Cli.Commands;

var root = new RootCommand("QuaRot.Cluster: Llama-family models served 4-bit end to end")
{
    ServeCommand.Create(),
    SiloCommand.Create(),
    ChatCommand.Create(),
    GenerateCommand.Create(),
    QuantizeCommand.Create(),
    EvalCommand.Create(),
};

return await Failures.Guard(() => root.Parse(args).InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false }));
