namespace QuaRot.Kernels.Gpu;

/// <summary>Device addresses of queries in 8 bits, as quantize_query and rope_append write them and the attention kernels read them.</summary>
/// <param name="Codes">int8 [rows, heads, head_dim], 16-byte aligned.</param>
/// <param name="Scales">float [rows, heads]: step of the codes times 1/√head_dim.</param>
/// <param name="Sums">int [rows, heads]: sums of the codes.</param>
internal readonly record struct QueryCodes(ulong Codes, ulong Scales, ulong Sums);
