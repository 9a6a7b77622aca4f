using Google.Protobuf.Reflection;
using Grpc.Core;
using QuaRot.Contracts.Reflection.V1;
using RequestCase = QuaRot.Contracts.Reflection.V1.ServerReflectionRequest.MessageRequestOneofCase;

namespace QuaRot.Gateway.Reflection;

/// <summary>Answers one question about the schema. What is not found is an answer too: it does not end the stream.</summary>
internal static class ReflectionAnswers
{
    public static ServerReflectionResponse To(ServerReflectionRequest request)
    {
        var response = new ServerReflectionResponse { ValidHost = request.Host, OriginalRequest = request };
        switch (request.MessageRequestCase)
        {
            case RequestCase.ListServices:
                response.ListServicesResponse = new ListServiceResponse();
                response.ListServicesResponse.Service.AddRange(ServedSchema.Services.Select(name => new ServiceResponse { Name = name }));
                break;
            case RequestCase.FileByFilename:
                PutFile(response, ServedSchema.File(request.FileByFilename), $"there is no file '{request.FileByFilename}'");
                break;
            case RequestCase.FileContainingSymbol:
                PutFile(response, ServedSchema.FileOfSymbol(request.FileContainingSymbol), $"there is no symbol '{request.FileContainingSymbol}'");
                break;
            case RequestCase.FileContainingExtension:
                var (type, number) = (request.FileContainingExtension.ContainingType, request.FileContainingExtension.ExtensionNumber);
                PutFile(response, null, $"there is no extension {number} of '{type}'");
                break;
            case RequestCase.AllExtensionNumbersOfType when ServedSchema.IsMessage(request.AllExtensionNumbersOfType):
                response.AllExtensionNumbersResponse = new ExtensionNumberResponse { BaseTypeName = request.AllExtensionNumbersOfType };
                break;
            case RequestCase.AllExtensionNumbersOfType:
                PutFile(response, null, $"there is no message '{request.AllExtensionNumbersOfType}'");
                break;
            default:
                response.ErrorResponse = Error(StatusCode.InvalidArgument, "message_request: is not set");
                break;
        }

        return response;
    }

    private static void PutFile(ServerReflectionResponse response, FileDescriptor? file, string otherwise)
    {
        if (file is null)
        {
            response.ErrorResponse = Error(StatusCode.NotFound, otherwise);
            return;
        }

        response.FileDescriptorResponse = new FileDescriptorResponse();
        response.FileDescriptorResponse.FileDescriptorProto.AddRange(ServedSchema.WithImports(file).Select(f => f.SerializedData));
    }

    private static ErrorResponse Error(StatusCode code, string message) => new() { ErrorCode = (int)code, ErrorMessage = message };
}
