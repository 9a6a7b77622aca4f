using Grpc.Core;

namespace QuaRot.Compat.Grpc.Tests;

/// <summary>The service under test: follows the script of the test.</summary>
internal sealed class ProbeService(ProbeScript script) : Probe.ProbeBase
{
    public override Task<Note> Ask(Note request, ServerCallContext context) =>
        script.Ask is { } ask ? ask(request, context) : base.Ask(request, context);

    public override Task Listen(Note request, IServerStreamWriter<Note> responseStream, ServerCallContext context) =>
        script.Listen is { } listen ? listen(request, responseStream, context) : base.Listen(request, responseStream, context);

    public override Task Talk(
        IAsyncStreamReader<Note> requestStream, IServerStreamWriter<Note> responseStream, ServerCallContext context) =>
        script.Talk is { } talk ? talk(requestStream, responseStream, context) : base.Talk(requestStream, responseStream, context);
}
