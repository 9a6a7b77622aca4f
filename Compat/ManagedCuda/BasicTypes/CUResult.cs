namespace ManagedCuda.BasicTypes;

/// <summary>What a driver call returned. The driver knows many more: they show as numbers, and by name in <see cref="CudaException"/>.</summary>
public enum CUResult
{
    /// <summary>It went well.</summary>
    Success = 0,

    /// <summary>An argument is out of range.</summary>
    ErrorInvalidValue = 1,

    /// <summary>The device has not that much free memory.</summary>
    ErrorOutOfMemory = 2,

    /// <summary>cuInit was not called.</summary>
    ErrorNotInitialized = 3,

    /// <summary>The library is a build-time stub.</summary>
    ErrorStubLibrary = 34,

    /// <summary>There is no device.</summary>
    ErrorNoDevice = 100,

    /// <summary>There is no device of that ordinal.</summary>
    ErrorInvalidDevice = 101,

    /// <summary>A module is broken.</summary>
    ErrorInvalidImage = 200,

    /// <summary>The context is not current, or gone.</summary>
    ErrorInvalidContext = 201,

    /// <summary>A module holds no code for this device.</summary>
    ErrorNoBinaryForGPU = 209,

    /// <summary>A module has no such kernel.</summary>
    ErrorNotFound = 500,

    /// <summary>Work is still under way; no failure.</summary>
    ErrorNotReady = 600,

    /// <summary>A kernel touched memory that is not its own; the context is lost.</summary>
    ErrorIllegalAddress = 700,

    /// <summary>A launch asks for more than the device has.</summary>
    ErrorLaunchOutOfResources = 701,

    /// <summary>Some other failure of the device.</summary>
    ErrorUnknown = 999,
}
