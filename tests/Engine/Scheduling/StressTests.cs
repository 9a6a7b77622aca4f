using QuaRot.Engine.Scheduling;
using QuaRot.Engine.Tests.Fakes;

namespace QuaRot.Engine.Tests.Scheduling;

/// <summary>
/// Random chats over few pages, with cancellation, release, pipeline failures and changed histories; every token is checked.
/// </summary>
public sealed class StressTests
{
    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 1)]
    [InlineData(3, 2)]
    [InlineData(4, 3)]
    [InlineData(5, 6)]
    [InlineData(6, 6)]
    [InlineData(7, 1, 8)]
    [InlineData(8, 1, 3)]
    [InlineData(9, 2, 8)]
    [InlineData(10, 3, 5)]
    public async Task Every_token_is_exact_and_every_page_comes_back(int seed, int stages, int stepsAtOnce = 1)
    {
        var random = new Random(seed);
        var options = new SchedulerOptions { MaxBatchTokens = random.Next(3, 40), MaxRunning = random.Next(2, 12) };
        int batches = 0;
        // Now and then a stage fails in mid-pipeline.
        await using var rig = new Rig(stages, random.Next(1, 6), random.Next(60, 90), options, (_, _) =>
        {
            if (Interlocked.Increment(ref batches) % 97 == 0)
            {
                throw new FormatException("injected");
            }
        }, stepsAtOnce: stepsAtOnce);

        try
        {
            await Task.WhenAll(Enumerable.Range(0, 12).Select(chat => ChatAsync(rig, chat, new Random((seed * 1000) + chat))));
            Enumerable.Range(0, 12).ToList().ForEach(chat => rig.Scheduler.Release($"chat {chat}"));
            SchedulerStats stats = rig.Scheduler.Stats;
            Assert.Equal((0, 0, 0, 0), (stats.PagesUsed, stats.Resident, stats.Running, stats.Waiting));
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"seed {seed}, stages {stages}, {options}", e);
        }
    }

    private static async Task ChatAsync(Rig rig, int chat, Random random)
    {
        int[] prompt = Rig.Prompt(chat, random.Next(1, 12));
        int[] expected = Rig.Expected(prompt, (ulong)chat, 40, rig.Parameters);
        var answer = new List<int>();
        while (answer.Count < expected.Length)
        {
            using var cancel = new CancellationTokenSource();
            int cancelAfter = random.Next(3) == 0 ? random.Next(5) : int.MaxValue;
            int budget = random.Next(1, expected.Length - answer.Count + 1);
            int got = 0;
            try
            {
                BurstRequest request = Rig.Request($"chat {chat}", [.. prompt, .. answer], budget, (ulong)chat) with { Sampling = rig.Parameters };
                await foreach (GeneratedToken token in rig.Scheduler.GenerateAsync(request, cancel.Token))
                {
                    Assert.Equal(expected[answer.Count], token.TokenId);
                    answer.Add(token.TokenId);
                    if (++got > cancelAfter)
                    {
                        cancel.Cancel();
                    }
                }
            }
            catch (OperationCanceledException)
            {
                Assert.True(got > cancelAfter);
            }
            catch (PipelineFailureException e)
            {
                // The injected fault and nothing else: a fault that the fake stage found in the pages must not pass for it.
                Assert.IsType<FormatException>(e.InnerException);
            }

            MeddleBetweenBursts(rig, chat, answer, random);
        }
    }

    private static void MeddleBetweenBursts(Rig rig, int chat, List<int> answer, Random random)
    {
        switch (random.Next(6))
        {
            case 0:
                rig.Scheduler.Release($"chat {chat}");
                break;
            case 1:
                int keep = random.Next(answer.Count / 2, answer.Count + 1);
                answer.RemoveRange(keep, answer.Count - keep);
                break;
        }
    }
}
