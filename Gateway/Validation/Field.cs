using Grpc.Core;

namespace QuaRot.Gateway.Validation;

/// <summary>Makes the INVALID_ARGUMENT that names a field.</summary>
internal static class Field
{
    public static RpcException Invalid(string field, string problem) => new(new Status(StatusCode.InvalidArgument, $"{field}: {problem}"));
}
