using QuaRot.Contracts.V1;

namespace QuaRot.Cluster.Tests.Support;

internal static class ClientExtensions
{
    public static async Task<string> NewSession(this Inference.InferenceClient client) =>
        (await client.CreateSessionAsync(new CreateSessionRequest(), cancellationToken: TestContext.Current.CancellationToken)).SessionId;

    public static async Task<Answer> Ask(this Inference.InferenceClient client, string session, string text, SamplingParameters? sampling = null)
    {
        var request = new ChatRequest { SessionId = session, Sampling = sampling ?? new SamplingParameters { Temperature = 0 } };
        request.Messages.Add(new ChatMessage { Role = "user", Content = text });
        using var call = client.Chat(request, cancellationToken: TestContext.Current.CancellationToken);
        return await Answer.Read(call);
    }

    public static async Task<Answer> Continue(this Inference.InferenceClient client, string prompt, SamplingParameters sampling)
    {
        using var call = client.Generate(
            new GenerateRequest { Prompt = prompt, Sampling = sampling }, cancellationToken: TestContext.Current.CancellationToken);
        return await Answer.Read(call);
    }
}
