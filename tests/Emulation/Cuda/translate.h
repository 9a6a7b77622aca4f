// Turns preprocessed CUDA C++ into C++ that g++ compiles.
#pragma once
#include <stdexcept>
#include <string>

namespace emulator {

struct TranslationError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

//   __global__                 dropped; behind the kernel comes what the driver needs to call it (Kernel in runtime.h)
//   __launch_bounds__(n, ..)   dropped; n goes into the same place
//   extern __shared__ T x[];   a pointer to dynamic shared memory
//   __shared__                 static thread_local: all of a module's lies in one segment, which the driver poisons before each block
//   asm("mnemonic ..." : ...)  calls of functions in ptx.h
std::string translate(const std::string& preprocessed);

}  // namespace emulator
