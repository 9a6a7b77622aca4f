using QuaRot.Engine.Evaluation.Table;

namespace QuaRot.Engine.Tests.Evaluation;

public class PaperTableTests
{
    [Fact]
    public void Rows_have_names_of_their_own_and_come_once_for_each_method_that_matters()
    {
        var rows = PaperTable.Rows(["rtn", "gptq"]);
        Assert.Equal(rows.Count, rows.Select(row => row.Id).Distinct().Count());
        Assert.Equal(["int4-gptq", "int4-rtn"], rows.Where(row => row.Name == "W4A4KV4" && row.Options.Rotate).Select(row => row.Id).Order());
        Assert.Single(rows, row => row.Id == "k4v3" && row.Method.Length == 0);
        Assert.Equal([64, 128, 256], rows.Where(row => row.Section == "groups" && row.Method == "gptq").Select(row => row.Options.GroupSize));
        Assert.False(rows.Single(row => row.Id == "int4-rtn-norot").IsSeeded);
    }

    [Fact]
    public void Rows_are_chosen_by_id_or_section_in_the_order_of_the_table()
    {
        var rows = PaperTable.Rows(["rtn"]);
        Assert.Equal(["int4-rtn", "int4-g64-rtn", "int4-g128-rtn", "int4-g256-rtn"], PaperTable.Select(rows, ["groups", "int4-rtn"]).Select(row => row.Id));
        Assert.Equal(rows, PaperTable.Select(rows, []));
        var error = Assert.Throws<ArgumentException>(() => PaperTable.Select(rows, ["int4-rtn", "int5"]));
        Assert.StartsWith("there is no row or section 'int5'; sections: main, groups, weights, activations, kv; rows: int4-rtn-norot, ", error.Message);
    }

    [Theory]
    [InlineData(new[] { 3.0, 1.0, 2.0 }, 2.0)]
    [InlineData(new[] { 4.0, 1.0, 3.0, 2.0 }, 2.0)]
    [InlineData(new[] { 5.0 }, 5.0)]
    public void The_median_seed_speaks_for_a_row(double[] perplexities, double median)
    {
        var seeds = perplexities.Select((perplexity, seed) => new RowFigures((ulong)seed, perplexity, Math.Log(perplexity), null)).ToList();
        Assert.Equal(median, new RowResult(null, seeds, TimeSpan.Zero).Median!.Perplexity);
    }
}
