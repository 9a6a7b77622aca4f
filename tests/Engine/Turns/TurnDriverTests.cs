using System.Runtime.CompilerServices;
using QuaRot.Engine.Scheduling;
using QuaRot.Engine.Tests.Fakes;
using QuaRot.Engine.Turns;
using QuaRot.Kernels.Sampling;

namespace QuaRot.Engine.Tests.Turns;

public sealed class TurnDriverTests
{
    private readonly List<BurstRequest> _requests = [];

    [Fact]
    public async Task An_end_token_ends_the_turn_and_adds_no_text()
    {
        var settings = new TurnSettings { Seed = 1, MaxTokens = 50, StopTokenIds = LetterDecoder.Ids("o") };
        List<TurnChunk> chunks = await RunAsync("hallo", settings);
        Assert.Equal("hall", Text(chunks));
        Assert.Equal(LetterDecoder.Ids("hallo"), chunks.SelectMany(c => c.TokenIds));
        Assert.Equal([0, 1, 2, 3, 4, 5], chunks.Select(c => c.Index));
        Assert.Equal((FinishReason.Stop, new TurnUsage(2, 5)), (chunks[^1].FinishReason, chunks[^1].Usage));
        Assert.DoesNotContain(chunks.SkipLast(1), c => c.IsFinal || c.Usage is not null);
    }

    [Fact]
    public async Task The_limit_ends_it_over_several_bursts_that_carry_the_whole_history()
    {
        List<TurnChunk> chunks = await RunAsync("abcdefghijk", new TurnSettings { Seed = 9, MaxTokens = 10 });
        Assert.Equal(("abcdefghij", FinishReason.Length), (Text(chunks), chunks[^1].FinishReason));
        Assert.Equal([4, 4, 2], _requests.Select(r => r.MaxTokens));
        Assert.Equal([2, 6, 10], _requests.Select(r => r.Tokens.Length));
        Assert.All(_requests, r => Assert.Equal(9UL, r.Seed));
        Assert.Equal([false, true, true], _requests.Select(r => r.IsContinuation));
    }

    [Fact]
    public async Task A_turn_that_is_driven_again_from_a_prefix_continues_its_answer()
    {
        await RunAsync("abcdef", new TurnSettings { Seed = 9, MaxTokens = 5 }, done: 3);
        Assert.Equal([true], _requests.Select(r => r.IsContinuation));
    }

    [Fact]
    public async Task A_stop_string_cuts_the_text_but_keeps_the_tokens()
    {
        List<TurnChunk> chunks = await RunAsync("abcdefg", new TurnSettings { Seed = 1, MaxTokens = 50, StopStrings = ["de"] });
        Assert.Equal(("abc", FinishReason.StopString), (Text(chunks), chunks[^1].FinishReason));
        Assert.Equal(new TurnUsage(2, 5), chunks[^1].Usage);
    }

    [Fact]
    public async Task What_might_have_become_a_stop_string_comes_with_the_final_chunk()
    {
        List<TurnChunk> chunks = await RunAsync("abcd", new TurnSettings { Seed = 1, MaxTokens = 4, StopStrings = ["de"] });
        Assert.Equal("d", chunks[^1].Text);
        Assert.Equal("abcd", Text(chunks));
    }

    [Fact]
    public async Task A_short_burst_means_that_the_context_is_full()
    {
        List<TurnChunk> chunks = await RunAsync("abcdef", new TurnSettings { Seed = 1, MaxTokens = 50 });
        Assert.Equal(("abcdef", FinishReason.Context), (Text(chunks), chunks[^1].FinishReason));
    }

    [Fact]
    public async Task An_answer_that_fills_the_context_with_a_whole_burst_ends_the_same_way()
    {
        List<TurnChunk> chunks = await RunAsync("abcd", new TurnSettings { Seed = 1, MaxTokens = 50 });
        Assert.Equal(("abcd", FinishReason.Context), (Text(chunks), chunks[^1].FinishReason));
    }

    [Fact]
    public async Task A_prompt_that_does_not_fit_is_the_callers_error()
    {
        await Assert.ThrowsAsync<ContextOverflowException>(() => RunAsync("", new TurnSettings { Seed = 1, MaxTokens = 50 }));
    }

    [Fact]
    public async Task Cancelling_gives_a_final_chunk_with_what_was_generated()
    {
        using var cancel = new CancellationTokenSource();
        var chunks = new List<TurnChunk>();
        PendingTurn turn = Turn(new TurnSettings { Seed = 1, MaxTokens = 50 });
        var driver = new TurnDriver((request, ct) => Letters("abcdefgh", request, ct), new BurstSizes(4));
        await foreach (TurnChunk chunk in driver.RunAsync("s", [0, 0], turn, new LetterDecoder(), cancel.Token))
        {
            chunks.Add(chunk);
            if (chunks.Count == 3)
            {
                cancel.Cancel();
            }
        }

        Assert.Equal(("abc", FinishReason.Cancelled), (Text(chunks), chunks[^1].FinishReason));
        Assert.Equal(new TurnUsage(2, 3), chunks[^1].Usage);
    }

    [Fact]
    public async Task Driving_again_from_any_prefix_gives_the_same_rest()
    {
        var settings = new TurnSettings { Seed = 1, MaxTokens = 9, StopStrings = ["gx"] };
        const string Answer = "ab~cgghijkl";
        List<TurnChunk> whole = await RunAsync(Answer, settings);
        for (int done = 0; done <= 9; done++)
        {
            List<TurnChunk> rest = await RunAsync(Answer, settings, done);
            Assert.Equal(whole.Skip(done).Select(Show), rest.Select(Show));
        }
    }

    [Theory]
    [InlineData(0, new[] { 2, 10, 10, 4 })]
    [InlineData(5, new[] { 2, 8, 8, 8 })]
    [InlineData(10, new[] { 2, 4, 4, 4, 4, 4, 4 })]
    [InlineData(14, new[] { 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2 })]
    [InlineData(100, new[] { 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2 })]
    public async Task Bursts_grow_until_they_last_long_enough(int millisecondsOfToken, int[] expected)
    {
        var clock = new ManualClock();
        var asked = new List<int>();
        var driver = new TurnDriver(
            (request, ct) =>
            {
                asked.Add(request.MaxTokens);
                clock.Now += request.MaxTokens * millisecondsOfToken;
                return Letters("abcdefghijklmnopqrstuvwxyz", request, ct);
            },
            new BurstSizes(2) { Most = 10, Target = TimeSpan.FromMilliseconds(40), Time = clock });
        await driver.RunAsync("s", [0, 0], Turn(new TurnSettings { Seed = 1, MaxTokens = 26 }), new LetterDecoder()).ToListAsync();
        Assert.Equal(expected, asked);
    }

    [Theory]
    [InlineData(8, 2)]
    [InlineData(4, 1)]
    public async Task The_next_burst_is_asked_for_while_the_last_token_of_one_is_handed_on(int maxTokens, int expected)
    {
        var asked = 0;
        var driver = new TurnDriver(
            (request, ct) =>
            {
                asked++;
                return Letters("abcdefgh", request, ct);
            },
            new BurstSizes(4));
        await foreach (TurnChunk chunk in driver.RunAsync("s", [0, 0], Turn(new TurnSettings { Seed = 1, MaxTokens = maxTokens }), new LetterDecoder()))
        {
            Assert.Equal(chunk.Index < 3 ? 1 : expected, asked);
        }
    }

    [Fact]
    public async Task A_burst_that_a_stop_text_has_made_useless_is_ended()
    {
        int running = 0, cancelled = 0;
        var driver = new TurnDriver(Replica, new BurstSizes(4));
        var settings = new TurnSettings { Seed = 1, MaxTokens = 50, StopStrings = ["cd"] };
        List<TurnChunk> chunks = await driver.RunAsync("s", [0, 0], Turn(settings), new LetterDecoder()).ToListAsync();
        Assert.Equal(("ab", FinishReason.StopString), (Text(chunks), chunks[^1].FinishReason));
        Assert.Equal((0, 1), (running, cancelled));

        async IAsyncEnumerable<GeneratedToken> Replica(BurstRequest request, [EnumeratorCancellation] CancellationToken ct)
        {
            Assert.Equal(1, Interlocked.Increment(ref running));
            try
            {
                if (request.IsContinuation)
                {
                    await new TaskCompletionSource().Task.WaitAsync(ct);
                }

                await foreach (GeneratedToken token in Letters("abcdefgh", request, ct))
                {
                    yield return token;
                }
            }
            finally
            {
                cancelled += ct.IsCancellationRequested ? 1 : 0;
                Interlocked.Decrement(ref running);
            }
        }
    }

    [Fact]
    public async Task A_replica_that_skips_a_position_is_found_out()
    {
        var driver = new TurnDriver((request, ct) => Letters("abc", request with { Tokens = [.. request.Tokens, 0] }, ct), new BurstSizes(16));
        PendingTurn turn = Turn(new TurnSettings { Seed = 1, MaxTokens = 5 });
        var e = await Assert.ThrowsAsync<InvalidOperationException>(
            () => driver.RunAsync("s", [0, 0], turn, new LetterDecoder()).ToListAsync().AsTask());
        Assert.Contains("position 3, expected 2", e.Message);
    }

    [Fact]
    public async Task Log_probabilities_come_with_each_token_when_asked_for()
    {
        var settings = new TurnSettings { Seed = 1, MaxTokens = 2, Sampling = new SamplingParameters { LogProbs = 0 } };
        List<TurnChunk> chunks = await RunAsync("ab", settings);
        Assert.Equal([-0.5f, -0.5f], chunks.SelectMany(c => c.LogProbs).Select(l => l.LogProb));
        Assert.All(await RunAsync("ab", settings with { Sampling = new SamplingParameters() }), c => Assert.Empty(c.LogProbs));
    }

    [Fact]
    public async Task With_the_scheduler_a_turn_equals_the_model_alone()
    {
        await using var rig = new Rig(stages: 2, pageCount: 12);
        int[] prompt = Rig.Prompt(3, 5);
        var settings = new TurnSettings { Seed = 11, MaxTokens = 30, Sampling = Rig.Sampling };
        var turn = new PendingTurn { Index = 0, PromptStart = 0, AnswerStart = 5, Settings = settings };
        var driver = new TurnDriver(rig.Scheduler.GenerateAsync, new BurstSizes(7));
        List<TurnChunk> chunks = await driver.RunAsync("s", prompt, turn, new LetterDecoder()).ToListAsync();
        Assert.Equal(Rig.Expected(prompt, 11, 30), chunks.SelectMany(c => c.TokenIds));
        Assert.Equal(FinishReason.Length, chunks[^1].FinishReason);
    }

    private sealed class ManualClock : TimeProvider
    {
        public long Now { get; set; }

        public override long TimestampFrequency => 1000;

        public override long GetTimestamp() => Now;
    }

    private static string Show(TurnChunk chunk) =>
        $"{chunk.Index} [{string.Join(',', chunk.TokenIds)}] '{chunk.Text}' {chunk.FinishReason} {chunk.Usage}";

    private static string Text(IEnumerable<TurnChunk> chunks) => string.Concat(chunks.Select(c => c.Text));

    private static PendingTurn Turn(TurnSettings settings) => new() { Index = 0, PromptStart = 0, AnswerStart = 2, Settings = settings };

    /// <summary>A model whose answer to the prompt [0, 0] is always the same text, and whose context ends with it.</summary>
    private static async IAsyncEnumerable<GeneratedToken> Letters(
        string answer, BurstRequest request, [EnumeratorCancellation] CancellationToken ct)
    {
        int[] ids = LetterDecoder.Ids(answer);
        int start = request.Tokens.Length - 2;
        if (start >= ids.Length)
        {
            throw new ContextOverflowException(request.Tokens.Length, ids.Length + 2);
        }

        for (int i = start; i < Math.Min(ids.Length, start + request.MaxTokens); i++)
        {
            await Task.Yield();
            ct.ThrowIfCancellationRequested();
            yield return new GeneratedToken(ids[i], i + 2, -0.5f, Array.Empty<TokenLogProb>(), request.StopTokenIds.Contains(ids[i]));
        }
    }

    private async Task<List<TurnChunk>> RunAsync(string answer, TurnSettings settings, int done = 0)
    {
        var driver = new TurnDriver(
            (request, ct) =>
            {
                _requests.Add(request);
                return Letters(answer, request, ct);
            },
            new BurstSizes(4));
        int[] history = [0, 0, .. LetterDecoder.Ids(answer).Take(done)];
        return await driver.RunAsync("s", history, Turn(settings), new LetterDecoder()).ToListAsync();
    }
}
