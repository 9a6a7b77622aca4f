using QuaRot.Engine.Pipeline;
using QuaRot.Engine.Tests.Fakes;
using QuaRot.Kernels;
using QuaRot.Kernels.Sampling;

namespace QuaRot.Engine.Tests.Pipeline;

public sealed class LocalPipelineTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(6)]
    public async Task Any_number_of_stages_gives_the_same_token_on_one_thread_each(int stages)
    {
        FakeStage[] chain = FakeStage.Chain(stages, 4, 4);
        await using (var pipeline = new LocalPipeline(chain))
        {
            SampledToken[] tokens = await pipeline.ExecuteAsync(StageWorkerTests.Batch([3, 4, 5], 0, sample: true), default);
            int expected = TokenSampler.Sample(FakeModel.LogitsAfter([3, 4, 5]), new SamplingRow { Position = 3 }).TokenId;
            Assert.Equal(expected, Assert.Single(tokens).TokenId);
        }

        Assert.All(chain, stage => Assert.True(stage.IsDisposed));
        Assert.All(chain, stage => Assert.Equal(1, stage.Threads));
    }

    [Fact]
    public async Task The_smallest_stage_bounds_the_pages()
    {
        FakeStage[] chain = [new(new LayerRange(0, 2), 4, 9), new(new LayerRange(2, 6), 4, 7)];
        await using var pipeline = new LocalPipeline(chain);
        Assert.Equal((2, 4, 7), (pipeline.BatchesAtOnce, pipeline.PageSize, pipeline.PageCount));
    }

    [Fact]
    public async Task Stages_on_one_device_take_one_batch_at_a_time()
    {
        FakeStage[] chain = [new(new LayerRange(0, 1), 4, 9), new(new LayerRange(1, 2), 4, 9) { DeviceName = "gpu 0" }, new(new LayerRange(2, 6), 4, 9) { DeviceName = "gpu 0" }];
        await using var pipeline = new LocalPipeline(chain);
        Assert.Equal(2, pipeline.BatchesAtOnce);
    }

    [Fact]
    public void Stages_that_are_no_model_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new LocalPipeline([]));
        Assert.Throws<ArgumentException>(() => new LocalPipeline([new FakeStage(new LayerRange(0, 5), 4, 4)]));
        FakeStage first = new(new LayerRange(0, 2), 4, 4);
        var gap = Assert.Throws<ArgumentException>(() => new LocalPipeline([first, new FakeStage(new LayerRange(3, 6), 4, 4)]));
        Assert.Contains("Stage 1 starts at layer 3, but stage 0 ends before layer 2", gap.Message);
        var pages = Assert.Throws<ArgumentException>(() => new LocalPipeline([first, new FakeStage(new LayerRange(2, 6), 8, 4)]));
        Assert.Contains("Stage 1 has KV pages of 8 positions, stage 0 of 4", pages.Message);
    }
}
