// Runs the blocks of a launch; the library's own side of runtime.h.
#pragma once
#include <cstdint>
#include <string>

#include "runtime.h"

namespace emulator {

struct Launch {
    const Kernel* kernel;
    std::string name;
    Index grid, block;
    uint32_t shared_bytes;
    void** arguments;
    uint8_t* static_shared;  // of the module, in this thread; all of it is poisoned before each block
    size_t static_bytes;
};

enum class Outcome { kFinished, kFailed, kIllegalAddress };

constexpr uint32_t kMostShared = 232448 + 1024, kMostThreads = 1024;
constexpr int kMostBlocks = 2;  // of a cluster

// Runs all of it; when it does not finish, `last_report` says why.
Outcome run(const Launch& launch);
const std::string& last_report();

}  // namespace emulator
