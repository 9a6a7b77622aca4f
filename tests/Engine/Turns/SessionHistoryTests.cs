using System.Text.Json;
using QuaRot.Engine.Scheduling;
using QuaRot.Engine.Turns;

namespace QuaRot.Engine.Tests.Turns;

public sealed class SessionHistoryTests
{
    private static readonly TurnSettings Settings = new()
    {
        Seed = ulong.MaxValue,
        MaxTokens = 8,
        Sampling = new SamplingParameters { Temperature = 0.5f, TopK = 3 },
        StopTokenIds = [2],
        StopStrings = ["\n"],
    };

    [Fact]
    public void Turns_follow_each_other_in_one_history()
    {
        var history = new SessionHistory(new SessionState());
        PendingTurn first = history.Begin([1, 2, 3], Settings);
        Assert.Equal((0, 0, 3), (first.Index, first.PromptStart, first.AnswerStart));
        history.Append([4]);
        history.Append([5, 6]);
        Assert.Equal(3, history.AnswerLength);
        CompletedTurn done = history.Complete(FinishReason.Length);
        Assert.Equal((0, 3, 6, FinishReason.Length), (done.PromptStart, done.AnswerStart, done.End, done.FinishReason));

        PendingTurn second = history.Begin([7], Settings with { Seed = 5 });
        Assert.Equal((1, 6, 7), (second.Index, second.PromptStart, second.AnswerStart));
        history.Append([8, 9]);
        Assert.Equal([4, 5, 6], history.AnswerOf(0));
        Assert.Equal([8, 9], history.AnswerOf(1));
        history.Complete(FinishReason.Stop);
        Assert.Equal([8, 9], history.AnswerOf(1));
        Assert.Equal(Enumerable.Range(1, 9), history.State.Tokens);
    }

    [Fact]
    public void Discard_takes_the_prompt_back()
    {
        var history = new SessionHistory(new SessionState());
        history.Begin([1], Settings);
        history.Append([2]);
        history.Complete(FinishReason.Stop);
        history.Begin([3, 4], Settings);
        history.Discard();
        Assert.Equal([1, 2], history.State.Tokens);
        Assert.Null(history.Pending);
        Assert.Equal(1, history.Begin([3], Settings).Index);
    }

    [Fact]
    public void Wrong_order_is_an_error()
    {
        var history = new SessionHistory(new SessionState());
        Assert.Throws<InvalidOperationException>(() => history.Append([1]));
        Assert.Throws<InvalidOperationException>(() => history.Complete(FinishReason.Stop));
        Assert.Throws<InvalidOperationException>(history.Discard);
        Assert.Throws<ArgumentException>(() => history.Begin([], Settings));
        Assert.Throws<ArgumentException>(() => history.Begin([1], Settings with { MaxTokens = 0 }));
        Assert.Throws<ArgumentException>(() => history.Begin([1], Settings with { StopStrings = [""] }));
        Assert.Empty(history.State.Tokens);
        history.Begin([1], Settings);
        Assert.Contains("Turn 0", Assert.Throws<InvalidOperationException>(() => history.Begin([1], Settings)).Message);
        Assert.Throws<ArgumentException>(() => history.Complete(FinishReason.None));
    }

    [Fact]
    public void The_state_survives_json_in_mid_turn()
    {
        var history = new SessionHistory(new SessionState());
        history.Begin([1], Settings);
        history.Complete(FinishReason.Cancelled);
        history.Begin([3, 4], Settings);
        history.Append([5]);
        string json = JsonSerializer.Serialize(history.State);
        SessionState restored = JsonSerializer.Deserialize<SessionState>(json)!;
        Assert.Equal(json, JsonSerializer.Serialize(restored));
        Assert.Equal(ulong.MaxValue, restored.Pending!.Settings.Seed);
        Assert.Equal([5], new SessionHistory(restored).AnswerOf(1));
    }

    [Fact]
    public void Finish_reasons_are_frozen()
    {
        Assert.Equal(
            ["None=0", "Stop=1", "StopString=2", "Length=3", "Cancelled=4", "Context=5"],
            Enum.GetValues<FinishReason>().Select(reason => $"{reason}={(int)reason}"));
    }
}
