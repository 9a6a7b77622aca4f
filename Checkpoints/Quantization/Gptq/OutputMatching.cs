using System.Runtime.InteropServices;

namespace QuaRot.Checkpoints.Quantization.Gptq;

/// <summary>Moves a linear layer's float weights to what gives the float model's output from the quantized model's input.</summary>
/// <remarks>
/// With x the float model's input of the layer, z the quantized model's and r what the residual stream lacks already, W' minimises
/// Σ‖W'·z - (W·x + r)‖² + λ‖W' - W‖²: W' = W + (W·(C - H) + Rᵀ)·(H + λ·I)⁻¹, H = Σzᵀz, C = Σxᵀz, R = Σrᵀz. A Wiener filter: directions
/// in which the input carries little more than rounding noise are damped, and errors of the layers before are made up for where z tells
/// of them.
/// </remarks>
public static class OutputMatching
{
    /// <summary>The moved weights in Float32.</summary>
    /// <param name="weights">[out, in] in Float32.</param>
    /// <param name="hessian">Σzᵀz, [in, in].</param>
    /// <param name="cross">Σxᵀz, [in, in].</param>
    /// <param name="residual">Σrᵀz, [out, in], or null where the layer does not feed the residual stream.</param>
    /// <param name="damping">λ as a share of the mean of H's diagonal.</param>
    /// <param name="strength">Share of the way from W to W'.</param>
    /// <exception cref="InvalidDataException">The moments are not finite or singular; the message names the matrix.</exception>
    public static LinearWeights Move(
        LinearWeights weights, double[] hessian, double[] cross, double[]? residual, double damping, double strength = 1)
    {
        int rows = weights.OutFeatures, n = weights.InFeatures;
        TriangularFactor factor = GptqQuantizer.Decompose(weights.Name, hessian, n, damping);
        var difference = new float[cross.Length];
        for (int i = 0; i < difference.Length; i++)
        {
            difference[i] = (float)(cross[i] - hessian[i]);
        }

        float[] transposed = Transpose(weights);
        var product = new SecondMoments(rows, n);
        product.Add(transposed, difference);
        double[] move = product.Values;
        for (int i = 0; residual is not null && i < move.Length; i++)
        {
            move[i] += residual[i];
        }

        factor.Solve(move);
        var result = new float[(long)rows * n];
        for (int row = 0; row < rows; row++)
        {
            Span<float> target = result.AsSpan(row * n, n);
            FloatRows.Read(weights, row, target);
            for (int k = 0; k < n; k++)
            {
                target[k] = (float)(target[k] + (strength * move[(row * n) + k]));
            }
        }

        return weights with { Format = WeightFormat.Float32, Data = MemoryMarshal.AsBytes(result.AsSpan()).ToArray() };
    }

    private static float[] Transpose(LinearWeights weights)
    {
        int rows = weights.OutFeatures, n = weights.InFeatures;
        var transposed = new float[(long)rows * n];
        var row = new float[n];
        for (int r = 0; r < rows; r++)
        {
            FloatRows.Read(weights, r, row);
            for (int k = 0; k < n; k++)
            {
                transposed[(k * rows) + r] = row[k];
            }
        }

        return transposed;
    }
}
