// The CUDA driver, as far as the product calls it, on one made-up device. Streams are in order because everything is done at once; a launch
// that fails says so at once, and the device goes on.
#include <dlfcn.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

#include "block.h"

#define EXPORT extern "C" __attribute__((visibility("default")))

namespace {

using emulator::Kernel;
typedef uint64_t Address;

enum Result {
    kSuccess = 0, kInvalidValue = 1, kOutOfMemory = 2, kNotInitialized = 3, kInvalidDevice = 101, kInvalidImage = 200, kInvalidContext = 201, kNotFound = 500, kIllegalAddress = 700,
    kOutOfResources = 701, kLaunchFailed = 719
};

struct Module {
    void* handle = nullptr;
    size_t tls_bytes = 0, tls_module = 0;
    int file = -1;
};

struct Function {
    const Kernel* kernel;
    std::string name;
    Module* module;
    uint32_t most_dynamic = 47 * 1024;  // 48 KB, of which some go to the kernel's own arrays: as if each had one
};

struct Event {
    std::chrono::steady_clock::time_point time;
};

typedef std::vector<std::function<int()>> Graph;

struct Stream {
    Graph* capture = nullptr;
};

struct Allocation {
    size_t bytes, mapped;
    uint8_t* map;
};

constexpr size_t kPage = 4096, kTotalBytes = 16ull << 30, kPoisonedBytes = 64 << 20;

std::mutex gate;
std::map<Address, Allocation> allocations;
size_t used_bytes;
int capability = 86;

int most_shared() { return capability == 90 ? 232448 : capability == 80 ? 166912 : 101376; }

// Whether these bytes lie in one allocation.
bool is_device_memory(Address first, size_t bytes) {
    auto after = allocations.upper_bound(first);
    if (after == allocations.begin()) return false;
    const auto& [start, allocation] = *std::prev(after);
    return first + bytes <= start + allocation.bytes;
}

// Static shared memory of a module in this thread: all of its thread-local segment.
struct Segment {
    uint8_t* first;
    size_t bytes;
};

Segment segment_of(const Module& module, const Kernel& kernel) {
    kernel.shared();  // makes it come into being
    thread_local std::map<const Module*, Segment> known;
    auto& segment = known[&module];
    if (!segment.first) {
        struct Search {
            const void* base;
            Segment found;
        } search = {nullptr, {}};
        Dl_info info;
        dladdr((void*)&kernel, &info);
        search.base = info.dli_fbase;
        dl_iterate_phdr([](dl_phdr_info* object, size_t, void* data) {
            auto& search = *(Search*)data;
            if ((const void*)object->dlpi_addr != search.base) return 0;
            for (int i = 0; i < object->dlpi_phnum; i++)
                if (object->dlpi_phdr[i].p_type == PT_TLS) search.found = {(uint8_t*)object->dlpi_tls_data, object->dlpi_phdr[i].p_memsz};
            return 1;
        }, &search);
        segment = search.found;
    }
    return segment;
}

int check(const Function& f, const emulator::Index& grid, const emulator::Index& block, uint32_t shared) {
    const uint64_t threads = (uint64_t)block.x * block.y * block.z;
    const bool fits = grid.x && grid.y && grid.z && grid.y < 65536 && grid.z < 65536 && threads && threads <= 1024 && block.z <= 64;
    if (!fits || shared > f.most_dynamic || grid.x % f.kernel->cluster || f.kernel->cluster > emulator::kMostBlocks) return kInvalidValue;
    return (int)threads > f.kernel->most_threads ? kOutOfResources : kSuccess;
}

int launch(const Function& f, emulator::Index grid, emulator::Index block, uint32_t shared, void** arguments) {
    const Segment segment = segment_of(*f.module, *f.kernel);
    const emulator::Launch work = {f.kernel, f.name, grid, block, shared, arguments, segment.first, segment.bytes};
    switch (emulator::run(work)) {
        case emulator::Outcome::kFinished: return kSuccess;
        case emulator::Outcome::kIllegalAddress: return kIllegalAddress;
        default: return kLaunchFailed;
    }
}

// Does it now, or writes it down.
int submit(Stream* stream, std::function<int()> work) {
    if (!stream || !stream->capture) return work();
    stream->capture->push_back(std::move(work));
    return kSuccess;
}

}  // namespace

// For tests: the compute capability of the device, 80, 86, 90 ...; before the first call of the driver.
EXPORT void emulatorSetCapability(int value) { capability = value; }

static std::atomic<bool> is_initialized;

EXPORT int cuInit(unsigned) {
    is_initialized = true;
    if (const char* value = getenv("EMULATOR_CAPABILITY")) capability = atoi(value);
    return kSuccess;
}

EXPORT int cuDriverGetVersion(int* version) {
    *version = 12080;
    return kSuccess;
}

// All of them have the host's memory, and run what they are given at once.
static int devices() {
    static const char* count = getenv("EMULATOR_DEVICES");
    return count ? atoi(count) : 1;
}

EXPORT int cuDeviceGetCount(int* count) {
    *count = devices();
    return is_initialized ? kSuccess : kNotInitialized;
}

EXPORT int cuDeviceGet(int* device, int ordinal) {
    *device = ordinal;
    return ordinal >= 0 && ordinal < devices() ? kSuccess : kInvalidDevice;
}

EXPORT int cuDeviceGetName(char* name, int length, int) {
    snprintf(name, length, "Emulated GPU");
    return kSuccess;
}

EXPORT int cuDeviceGetAttribute(int* value, int attribute, int) {
    switch (attribute) {
        case 1: *value = 1024; return kSuccess;                      // threads of a block
        case 8: *value = 48 * 1024; return kSuccess;                 // shared memory without asking
        case 10: *value = 32; return kSuccess;                       // warp
        case 16: *value = 8; return kSuccess;                        // multiprocessors
        case 75: *value = capability / 10; return kSuccess;
        case 76: *value = capability % 10; return kSuccess;
        case 81: *value = most_shared() + 1024; return kSuccess;     // shared memory of a multiprocessor
        case 97: *value = most_shared(); return kSuccess;            // shared memory of a block that asks
        default: return kInvalidValue;
    }
}

// What needs a context asks whether its thread has one.
static thread_local void* current_context;

EXPORT int cuCtxSetCurrent(void* context) {
    current_context = context;
    return kSuccess;
}
EXPORT int cuCtxSetLimit(int, size_t) { return current_context ? kSuccess : kInvalidContext; }
EXPORT int cuCtxSynchronize() { return kSuccess; }
EXPORT int cuDevicePrimaryCtxRetain(void** context, int) {
    static int primary;
    *context = &primary;
    return kSuccess;
}
EXPORT int cuDevicePrimaryCtxRelease_v2(int) { return kSuccess; }

EXPORT int cuModuleLoadData(Module** module, const void* image) {
    if (!current_context) return kInvalidContext;
    const auto header = (const ElfW(Ehdr)*)image;
    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return kInvalidImage;
    const size_t bytes = header->e_shoff + (size_t)header->e_shentsize * header->e_shnum;  // the section table comes last
    auto made = new Module;
    made->file = memfd_create("module", MFD_CLOEXEC);
    const std::string path = "/proc/self/fd/" + std::to_string(made->file);
    if (write(made->file, image, bytes) != (ssize_t)bytes || !(made->handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL))) {
        fprintf(stderr, "emulated module: %s\n", dlerror());
        close(made->file);
        delete made;
        return kInvalidImage;
    }
    *module = made;
    return kSuccess;
}

EXPORT int cuModuleLoadDataEx(Module** module, const void* image, unsigned, const int*, void* const*) { return cuModuleLoadData(module, image); }

// The code stays: nobody knows whether a graph still refers to it.
EXPORT int cuModuleUnload(Module* module) {
    close(module->file);
    return kSuccess;
}

EXPORT int cuModuleGetFunction(Function** function, Module* module, const char* name) {
    const auto kernel = (const Kernel*)dlsym(module->handle, ("emulated_" + std::string(name)).c_str());
    if (!kernel) return kNotFound;
    *function = new Function{kernel, name, module};
    return kSuccess;
}

EXPORT int cuFuncSetAttribute(Function* function, int attribute, int value) {
    if (attribute == 8) {
        if (value > most_shared()) return kInvalidValue;
        function->most_dynamic = value;
    }
    return kSuccess;
}

EXPORT int cuMemGetInfo_v2(size_t* free, size_t* total) {
    std::lock_guard lock(gate);
    *free = kTotalBytes - used_bytes;
    *total = kTotalBytes;
    return kSuccess;
}

// The end lies at a page that nobody may touch; what is new is poisoned.
EXPORT int cuMemAlloc_v2(Address* address, size_t bytes) {
    if (!current_context) return kInvalidContext;
    std::lock_guard lock(gate);
    if (bytes == 0) return kInvalidValue;
    if (bytes > kTotalBytes - used_bytes) return kOutOfMemory;
    const size_t rounded = (bytes + 15) / 16 * 16, mapped = (rounded + kPage - 1) / kPage * kPage + 2 * kPage;
    const auto map = (uint8_t*)mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED) return kOutOfMemory;
    mprotect(map, kPage, PROT_NONE);
    mprotect(map + mapped - kPage, kPage, PROT_NONE);
    uint8_t* const first = map + mapped - kPage - rounded;
    if (bytes <= kPoisonedBytes) memset(first, 0xff, rounded);
    allocations[(Address)first] = {bytes, mapped, map};
    used_bytes += bytes;
    *address = (Address)first;
    return kSuccess;
}

EXPORT int cuMemFree_v2(Address address) {
    std::lock_guard lock(gate);
    const auto found = allocations.find(address);
    if (found == allocations.end()) return kInvalidValue;
    munmap(found->second.map, found->second.mapped);
    used_bytes -= found->second.bytes;
    allocations.erase(found);
    return kSuccess;
}

static int copy(Address device, const void* source, void* target, size_t bytes, Stream* stream) {
    std::lock_guard lock(gate);
    return submit(stream, [=] {
        if (!is_device_memory(device, bytes)) return kInvalidValue;
        memmove(target, source, bytes);
        return kSuccess;
    });
}

EXPORT int cuMemcpyHtoDAsync_v2(Address target, const void* source, size_t bytes, Stream* stream) {
    return copy(target, source, (void*)target, bytes, stream);
}
EXPORT int cuMemcpyDtoHAsync_v2(void* target, Address source, size_t bytes, Stream* stream) {
    return copy(source, (const void*)source, target, bytes, stream);
}
EXPORT int cuMemcpyDtoDAsync_v2(Address target, Address source, size_t bytes, Stream* stream) {
    if (!is_device_memory(source, bytes)) return kInvalidValue;
    return copy(target, (const void*)source, (void*)target, bytes, stream);
}
EXPORT int cuMemsetD8Async(Address target, uint8_t value, size_t bytes, Stream* stream) {
    std::lock_guard lock(gate);
    return submit(stream, [=] {
        if (!is_device_memory(target, bytes)) return kInvalidValue;
        memset((void*)target, value, bytes);
        return kSuccess;
    });
}

EXPORT int cuLaunchKernel(Function* f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, Stream* stream,
    void** arguments, void**) {
    std::lock_guard lock(gate);
    const emulator::Index grid = {gx, gy, gz}, block = {bx, by, bz};
    if (const int result = check(*f, grid, block, shared)) return result;
    if (!stream || !stream->capture) return launch(*f, grid, block, shared, arguments);
    std::vector<std::vector<uint64_t>> values;
    for (const uint32_t* size = f->kernel->sizes; *size; size++) {
        values.emplace_back((*size + 7) / 8);
        memcpy(values.back().data(), arguments[values.size() - 1], *size);
    }
    return submit(stream, [=]() mutable {
        std::vector<void*> pointers;
        for (auto& value : values) pointers.push_back(value.data());
        return launch(*f, grid, block, shared, pointers.data());
    });
}

struct LaunchAttribute {
    int id, padding, value[16];
};
struct LaunchConfig {
    unsigned gx, gy, gz, bx, by, bz, shared;
    Stream* stream;
    const LaunchAttribute* attributes;
    unsigned count;
};
EXPORT int cuLaunchKernelEx(const LaunchConfig* c, Function* f, void** arguments, void** extra) {
    for (unsigned i = 0; i < c->count; i++)
        if (c->attributes[i].id != 6 || c->attributes[i].value[0] != 1) return kInvalidValue;  // programmatic stream serialization: nothing else is asked for
    return cuLaunchKernel(f, c->gx, c->gy, c->gz, c->bx, c->by, c->bz, c->shared, c->stream, arguments, extra);
}

EXPORT int cuGraphInstantiateWithFlags(Graph** ready, Graph* graph, unsigned long long) {
    *ready = new Graph(*graph);
    return kSuccess;
}
EXPORT int cuGraphLaunch(Graph* graph, Stream*) {
    std::lock_guard lock(gate);
    for (auto& step : *graph)
        if (const int result = step()) return result;
    return kSuccess;
}
EXPORT int cuGraphExecDestroy(Graph* graph) {
    delete graph;
    return kSuccess;
}
EXPORT int cuGraphDestroy(Graph* graph) {
    delete graph;
    return kSuccess;
}

EXPORT int cuStreamCreate(Stream** stream, unsigned) {
    if (!current_context) return kInvalidContext;
    *stream = new Stream;
    return kSuccess;
}
EXPORT int cuStreamBeginCapture_v2(Stream* stream, int) {
    if (stream->capture) return kInvalidValue;
    stream->capture = new Graph;
    return kSuccess;
}
EXPORT int cuStreamEndCapture(Stream* stream, Graph** graph) {
    *graph = stream->capture;
    stream->capture = nullptr;
    return *graph ? kSuccess : kInvalidValue;
}
EXPORT int cuStreamSynchronize(Stream* stream) { return stream->capture ? kInvalidValue : kSuccess; }
EXPORT int cuStreamDestroy_v2(Stream* stream) {
    delete stream;
    return kSuccess;
}

EXPORT int cuEventCreate(Event** event, unsigned) {
    if (!current_context) return kInvalidContext;
    *event = new Event;
    return kSuccess;
}
EXPORT int cuEventRecord(Event* event, Stream*) {
    event->time = std::chrono::steady_clock::now();
    return kSuccess;
}
EXPORT int cuStreamWaitEvent(Stream*, Event*, unsigned) { return kSuccess; }
EXPORT int cuEventSynchronize(Event*) { return kSuccess; }
EXPORT int cuEventDestroy_v2(Event* event) {
    delete event;
    return kSuccess;
}
EXPORT int cuEventElapsedTime(float* milliseconds, Event* start, Event* end) {
    *milliseconds = std::chrono::duration<float, std::milli>(end->time - start->time).count();
    return kSuccess;
}
EXPORT int cuEventElapsedTime_v2(float* milliseconds, Event* start, Event* end) { return cuEventElapsedTime(milliseconds, start, end); }

// A matrix of bytes in the 128-byte swizzle; whatever else there is, nobody asks for.
EXPORT int cuTensorMapEncodeTiled(void* map, int type, uint32_t rank, Address address, const uint64_t* size, const uint64_t* pitch, const uint32_t* box,
    const uint32_t* step, int interleave, int swizzle, int, int fill) {
    const bool is_known = type == 0 && rank == 2 && swizzle == 3 && interleave == 0 && fill == 0 && step[0] == 1 && step[1] == 1;
    const bool fits = (Address)map % 64 == 0 && address % 16 == 0 && pitch[0] % 16 == 0 && box[0] == 128 && box[1] <= 256 && pitch[0] >= size[0];
    if (!is_known || !fits) return kInvalidValue;
    const emulator::BoxMap made = {address, size[0], size[1], pitch[0], box[0], box[1]};
    memset(map, 0, 128);
    memcpy(map, &made, sizeof made);
    return kSuccess;
}

EXPORT int cuGetErrorString(int error, const char** text) {
    static thread_local std::string report;
    const std::map<int, const char*> known = {{kInvalidValue, "invalid argument"}, {kOutOfMemory, "out of memory"}, {kInvalidDevice, "invalid device ordinal"}, {kInvalidContext, "invalid device context"},
        {kInvalidImage, "device kernel image is invalid"}, {kNotFound, "named symbol not found"}, {kOutOfResources, "too many resources requested for launch"}};
    report = error == kIllegalAddress || error == kLaunchFailed ? emulator::last_report() : known.count(error) ? known.at(error) : "unknown error";
    *text = report.c_str();
    return kSuccess;
}

EXPORT int cuGetErrorName(int error, const char** name) {
    *name = error == kSuccess ? "CUDA_SUCCESS" : "CUDA_ERROR";
    return kSuccess;
}
