using Google.Protobuf;
using Google.Protobuf.Reflection;
using QuaRot.Contracts.V1;
using QuaRot.Fuzz.Tests.Mutations;

namespace QuaRot.Fuzz.Tests.Targets;

/// <summary>The messages of the public API: what parses is written and read again as the same message; what does not is refused.</summary>
public sealed class MessageTests
{
    private static readonly MessageDescriptor[] s_types = [.. QuarotReflection.Descriptor.MessageTypes];

    [Fact]
    public void Messages()
    {
        var seed = new ChatRequest
        {
            SessionId = "a",
            Messages = { new ChatMessage { Role = "user", Content = "x" }, new ChatMessage { Role = "assistant", Content = "\ud83d\ude00" } },
            Sampling = new SamplingParameters { Stop = { "s" }, MaxTokens = 3, Temperature = 1, Seed = 1 },
        }.ToByteArray();
        FuzzRun.Run("message", FuzzRun.Cases * 2, random => [(byte)random.Next(s_types.Length), .. ByteMutator.Mutate(seed, random)], RoundTrip);
    }

    [Theory]
    [MemberData(nameof(Regressions.Of), "message", MemberType = typeof(Regressions))]
    public void MessageRegressions(string file) => FuzzRun.Bounded(Regressions.Read(file), RoundTrip);

    private static void RoundTrip(byte[] input)
    {
        if (input.Length == 0)
            return;
        var parser = s_types[input[0] % s_types.Length].Parser;
        IMessage message;
        try
        {
            message = parser.ParseFrom(input, 1, input.Length - 1);
        }
        catch (InvalidProtocolBufferException)
        {
            // What broken bytes must give.
            return;
        }

        var again = parser.ParseFrom(message.ToByteArray());
        if (!again.ToByteArray().AsSpan().SequenceEqual(message.ToByteArray()))
            throw new InvalidOperationException($"{message.Descriptor.Name} is not the same after it was written and read");
    }
}
