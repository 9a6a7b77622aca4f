using System.Reflection;
using System.Runtime.InteropServices;
using ManagedCuda;
using ManagedCuda.NVRTC;
using QuaRot.Kernels.Gpu;
using Xunit;

namespace QuaRot.Compat.ManagedCuda.Tests;

/// <summary>The names by which package and stand-in ask for libraries.</summary>
public class LibraryNameTests
{
    [Theory]
    [InlineData(typeof(DriverAPINativeMethods), "libcuda.so.1")]
    [InlineData(typeof(NVRTCNativeMethods), "libnvrtc.so.13")]
    public void Every_library_that_is_asked_for_is_known(Type methods, string file)
    {
        var names = methods.GetNestedTypes().Append(methods)
            .SelectMany(type => type.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic))
            .Select(method => method.GetCustomAttribute<DllImportAttribute>()?.Value)
            .OfType<string>()
            .Distinct();
        var name = Assert.Single(names);
        Assert.Contains(file, CudaLibraries.Candidates(name));
        Assert.Empty(CudaLibraries.Candidates(name + "x"));
    }
}
