// Checks and times the w4a4 kernels on one Hopper GPU: run.sh builds and starts it.
//   w4a4_bench check SEED     every kernel against plain loops, bit for bit, at shapes chosen by risk
//   w4a4_bench time SEED      tables of TOP/s (prefill) and TB/s of weights (decode)
//   w4a4_bench once NAME      one launch at 8192^3 (gemm) or 22016 x 4096 (gemv), for a profiler
#include <cuda.h>
#include <cuda_runtime.h>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>
#include "../../Kernels/Cuda/w4a4_gemm_sm90.cu"
#include "../../Kernels/Cuda/w4a4_gemv_sm90.cu"
#include "../../Kernels/Cuda/w4a4_gemm_mma.cu"
#include "../../Kernels/Cuda/w4_layout.cuh"
#include "ceiling_s8.cu"

#define CHECK(call)                                                                                                    \
    do {                                                                                                               \
        const auto status = (call);                                                                                    \
        if ((int)status != 0) { printf("%s:%d: %s gave %d\n", __FILE__, __LINE__, #call, (int)status); exit(1); }      \
    } while (0)

typedef void (*Gemm)(const TensorMap, const u8*, const float*, const float*, const float*, float*, int, int, int, int);
typedef void (*Gemv)(const signed char*, const u8*, const float*, const float*, const float*, float*, int, int, int, int);

struct Variant { const char* name; Gemm gemm; Gemv gemv; int tile, shared, max_tokens; bool grouped; int panel; };
static const Variant variants[] = {
    {"n256", w4a4_gemm_sm90_n256, nullptr, 256, 205904, 1 << 30, false}, {"n128", w4a4_gemm_sm90_n128, nullptr, 128, 197760, 1 << 30, false},
    {"g128", w4a4_gemm_sm90_g128, nullptr, 128, 197760, 1 << 30, true},
    {"t8", nullptr, w4a4_gemv_sm90_t8, 0, gemv::Memory<1, 64>::Bytes, 8, false, 64},
    {"t16", nullptr, w4a4_gemv_sm90_t16, 0, gemv::Memory<2, 64>::Bytes, 16, false, 64},
    {"t8_r32", nullptr, w4a4_gemv_sm90_t8_r32, 0, gemv::Memory<1, 32>::Bytes, 8, false, 32},
    {"t16_r32", nullptr, w4a4_gemv_sm90_t16_r32, 0, gemv::Memory<2, 32>::Bytes, 16, false, 32},
    {"t8_g128", nullptr, w4a4_gemv_sm90_t8_g128, 0, gemv::Memory<1, 64>::Bytes, 8, true, 64},
    {"t16_g128", nullptr, w4a4_gemv_sm90_t16_g128, 0, gemv::Memory<2, 64>::Bytes, 16, true, 64},
    {"t8_r32_g128", nullptr, w4a4_gemv_sm90_t8_r32_g128, 0, gemv::Memory<1, 32>::Bytes, 8, true, 32},
    {"t16_r32_g128", nullptr, w4a4_gemv_sm90_t16_r32_g128, 0, gemv::Memory<2, 32>::Bytes, 16, true, 32},
    {"mma", nullptr, w4a4_gemm_mma, 64, 0, 1 << 30, false}, {"mma_g128", nullptr, w4a4_gemm_mma_g128, 64, 0, 1 << 30, true},
};

__device__ static unsigned hashed(unsigned x) {
    x ^= x >> 16; x *= 0x7feb352du; x ^= x >> 15; x *= 0x846ca68bu;
    return x ^ x >> 16;
}
__global__ void fill_bytes(unsigned char* p, long long n, unsigned seed) {
    for (long long i = blockIdx.x * 256ll + threadIdx.x; i < n; i += gridDim.x * 256ll) p[i] = hashed((unsigned)i * 2654435761u + seed);
}
__global__ void fill_codes(signed char* p, long long n, unsigned seed) {
    for (long long i = blockIdx.x * 256ll + threadIdx.x; i < n; i += gridDim.x * 256ll) p[i] = (int)(hashed((unsigned)i * 2654435761u + seed) & 15) - 8;
}
__global__ void fill_floats(float* p, long long n, unsigned seed, float low, float high) {
    for (long long i = blockIdx.x * 256ll + threadIdx.x; i < n; i += gridDim.x * 256ll)
        p[i] = low + (high - low) * (hashed((unsigned)i * 2654435761u + seed) >> 8) * (1.0f / 16777216);
}
__global__ void repack(const unsigned char* source, unsigned* words, int out, int k, long long n) {
    for (long long i = blockIdx.x * 256ll + threadIdx.x; i < n; i += gridDim.x * 256ll) words[i] = w4_repack_word(source, out, k, 0, i);
}

// Plain loops over the checkpoint's layout, one thread two neighbours of a row; `y` holds the old values where they are added to.
__global__ void reference(const signed char* x, const u8* w, const float* sw, const float* sx, const float* bias, float* y, int tokens, int first,
                          int step, int out, int k, int group, int flags) {
    const long long e = blockIdx.x * 256ll + threadIdx.x;
    const long long m = first + e / (out / 2) * step;
    const int o = e % (out / 2) * 2;
    if (m >= tokens) return;
    float t[2] = {0.0f, 0.0f};
    for (int g = 0; g < k / group; g++) {
        for (int c = 0; c < 2; c++) {
            int acc = 0;
            for (int i = g * group; i < (g + 1) * group; i++) {
                const int code = w4_code(w, out, k, 0, o + c, i);
                acc += x[m * k + i] * (code - (code & 8) * 2);
            }
            t[c] = fmaf((float)acc, sw[(long long)g * out + o + c], t[c]);
        }
    }
    finish_pair(y, m, o, out, t[0], t[1], sx[m], Bias(bias, o, out), flags);
}
// Counts differing elements of the sampled rows, and changed bytes of the guard behind y.
__global__ void compare(const unsigned char* a, const unsigned char* b, long long tokens, int first, int step, long long row_bytes, long long guard,
                        unsigned long long* wrong) {
    for (long long i = blockIdx.x * 256ll + threadIdx.x; i < tokens * row_bytes + guard; i += gridDim.x * 256ll) {
        const long long m = i / row_bytes;
        if (m < tokens && (m < first || (m - first) % step)) continue;
        if (a[i] != b[i]) atomicAdd(wrong, 1ull);
    }
}

template <typename T>
static T* allocate(long long n) {
    T* p;
    CHECK(cudaMalloc(&p, n * sizeof(T)));
    return p;
}

// A linear layer and its input on the device, all random.
struct Problem {
    int tokens, out, k, groups;
    signed char* x;
    unsigned char *w, *packed;
    float *sw, *sx, *bias;
    float *y, *expected;
    long long guard = 4096, y_bytes;
    TensorMap map;

    Problem(int tokens, int out, int k, int groups, unsigned seed) : tokens(tokens), out(out), k(k), groups(groups) {
        x = allocate<signed char>((long long)tokens * k);
        w = allocate<unsigned char>((long long)out * k / 2);
        packed = allocate<unsigned char>(w4_words(out, k) * 4);
        sw = allocate<float>((long long)groups * out);
        sx = allocate<float>(tokens);
        bias = allocate<float>(out);
        y_bytes = (long long)tokens * out * 4 + guard;
        y = (float*)allocate<char>(y_bytes);
        expected = (float*)allocate<char>(y_bytes);
        fill_codes<<<1024, 256>>>(x, (long long)tokens * k, seed);
        fill_bytes<<<1024, 256>>>(w, (long long)out * k / 2, seed + 1);
        fill_floats<<<64, 256>>>(sw, (long long)groups * out, seed + 2, 0.001f, 0.03f);
        fill_floats<<<64, 256>>>(sx, tokens, seed + 3, 0.01f, 1.0f);
        fill_floats<<<64, 256>>>(bias, out, seed + 4, -3.0f, 3.0f);
        repack<<<1024, 256>>>(w, (unsigned*)packed, out, k, w4_words(out, k));
        CHECK(cudaDeviceSynchronize());
        CUtensorMap encoded;
        const cuuint64_t size[] = {(cuuint64_t)k, (cuuint64_t)tokens}, stride[] = {(cuuint64_t)k};
        const cuuint32_t box[] = {128, 64}, element[] = {1, 1};
        CHECK(cuTensorMapEncodeTiled(&encoded, CU_TENSOR_MAP_DATA_TYPE_UINT8, 2, x, size, stride, box, element, CU_TENSOR_MAP_INTERLEAVE_NONE,
                                     CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE));
        memcpy(&map, &encoded, sizeof map);
    }
    ~Problem() {
        for (void* p : std::initializer_list<void*>{x, w, packed, sw, sx, bias, y, expected}) cudaFree(p);
    }
};

static int multiprocessors;

static void launch(const Variant& v, const Problem& p, const u8* packed, float* y, const float* bias, int flags, cudaStream_t stream = 0) {
    cudaLaunchAttribute overlap = {};
    overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    overlap.val.programmaticStreamSerializationAllowed = 1;
    cudaLaunchConfig_t config = {};
    config.stream = stream;
    config.dynamicSmemBytes = v.shared;
    config.attrs = &overlap;
    config.numAttrs = getenv("NO_OVERLAP") ? 0 : 1;
    config.blockDim = v.gemm ? 384 : 256;
    const int panels = v.panel ? (p.out + v.panel - 1) / v.panel : 0;
    if (v.gemm) {
        const int tiles = (p.out + 255) / 256 * ((p.tokens + v.tile - 1) / v.tile);
        config.gridDim = std::min(2 * tiles, multiprocessors / 2 * 2);
        CHECK(cudaLaunchKernelEx(&config, v.gemm, (const TensorMap)p.map, packed, (const float*)p.sw, (const float*)p.sx, bias, y, p.tokens, p.out, p.k, flags));
        return;
    }
    config.gridDim = v.tile ? dim3((p.out + 127) / 128, (p.tokens + v.tile - 1) / v.tile) : dim3(std::min(panels, multiprocessors));
    CHECK(cudaLaunchKernelEx(&config, v.gemv, (const signed char*)p.x, packed, (const float*)p.sw, (const float*)p.sx, bias, y, p.tokens, p.out, p.k, flags));
}

static bool check(const Variant& v, int tokens, int out, int k, unsigned seed, int flags, bool biased) {
    Problem p(tokens, out, k, v.grouped ? k / 128 : 1, seed);
    const int step = std::max(1, tokens / 64), first = seed % step;
    const long long row_bytes = (long long)out * (flags & kSiluAndMul ? 2 : 4);
    // Old values where they are added to, else a pattern that is a NaN; the guard behind the last row must stay.
    CHECK(cudaMemset(p.y, 0xFF, p.y_bytes));
    if (flags & kAccumulate) fill_floats<<<1024, 256>>>(p.y, (long long)tokens * out, seed + 5, -9.0f, 9.0f);
    CHECK(cudaMemcpy(p.expected, p.y, p.y_bytes, cudaMemcpyDeviceToDevice));
    const long long samples = (tokens - first + step - 1) / step;
    reference<<<(samples * (out / 2) + 255) / 256, 256>>>(p.x, p.w, p.sw, p.sx, biased ? p.bias : nullptr, p.expected, tokens, first, step, out, k,
                                                    v.grouped ? 128 : k, flags);
    CHECK(cudaGetLastError());
    launch(v, p, p.packed, p.y, biased ? p.bias : nullptr, flags);
    unsigned long long *wrong = allocate<unsigned long long>(1), count;
    CHECK(cudaMemset(wrong, 0, 8));
    compare<<<1024, 256>>>((unsigned char*)p.y, (unsigned char*)p.expected, tokens, first, step, row_bytes, p.guard, wrong);
    CHECK(cudaMemcpy(&count, wrong, 8, cudaMemcpyDeviceToHost));
    cudaFree(wrong);
    printf("%-12s tokens %5d out %6d k %6d flags %d bias %d: %s", v.name, tokens, out, k, flags, biased, count ? "WRONG" : "equal");
    if (count) printf(", %llu bytes differ", count);
    printf("\n");
    fflush(stdout);
    return count == 0;
}

// Every float that silu_and_mul_of_moderate takes as a gate.
__global__ void compare_silu(unsigned long long* wrong) {
    for (long long i = blockIdx.x * 256ll + threadIdx.x; i < 1ll << 32; i += gridDim.x * 256ll) {
        const float gate = __uint_as_float((unsigned)i);
        if (fabsf(gate) <= kNormalExp && __float_as_uint(silu_and_mul_of(gate, 0.75f)) != __float_as_uint(silu_and_mul_of_moderate(gate, 0.75f))) atomicAdd(wrong, 1ull);
    }
}

static bool check_silu() {
    unsigned long long *wrong = allocate<unsigned long long>(1), count;
    CHECK(cudaMemset(wrong, 0, 8));
    compare_silu<<<2048, 256>>>(wrong);
    CHECK(cudaMemcpy(&count, wrong, 8, cudaMemcpyDeviceToHost));
    cudaFree(wrong);
    printf("silu of all floats: %s, %llu differ\n", count ? "WRONG" : "equal", count);
    return count == 0;
}

static int check_all(unsigned seed) {
    int bad = !check_silu();
    for (const Variant& v : variants) {
        const int shapes[][3] = {{1, 64, 128}, {2, 4096, 4096}, {7, 192, 256}, {8, 130, 1152}, {13, 4096, 4096}, {16, 1024, 11008}, {16, 320, 28672},
                                 {65, 64, 128}, {257, 322, 640}, {300, 1024, 4096}, {1000, 4096, 11008}, {2048, 12288, 4096}};
        const int odd_k[][3] = {{1, 64, 64}, {5, 96, 192}, {16, 256, 1088}, {129, 256, 1088}};   // a half stage
        int i = 0;
        for (const auto& s : shapes)
            if (s[0] <= v.max_tokens) bad += !check(v, s[0], s[1], s[2], seed += 101, i % 3, i % 4 == 1), i++;
        if (!v.grouped)
            for (const auto& s : odd_k)
                if (s[0] <= v.max_tokens) bad += !check(v, s[0], s[1], s[2], seed += 101, i % 3, i % 4 == 1), i++;
    }
    printf("%d shapes differ\n", bad);
    return bad != 0;
}

static double median_ms(int runs, const std::function<void()>& body) {
    cudaEvent_t from, to;
    CHECK(cudaEventCreate(&from));
    CHECK(cudaEventCreate(&to));
    for (int i = 0; i < 3; i++) body();
    std::vector<float> times(runs);
    for (float& t : times) {
        CHECK(cudaEventRecord(from));
        body();
        CHECK(cudaEventRecord(to));
        CHECK(cudaEventSynchronize(to));
        CHECK(cudaEventElapsedTime(&t, from, to));
    }
    std::sort(times.begin(), times.end());
    return times[runs / 2];
}

static void time_gemm(unsigned seed) {
    int* sums = allocate<int>(1024);
    CHECK(cudaFuncSetAttribute(ceiling_s8, cudaFuncAttributeMaxDynamicSharedMemorySize, 33792));
    const int rounds = 4000;
    const double ceiling = median_ms(7, [&] { ceiling_s8<<<multiprocessors, 256, 33792>>>(seed, rounds, sums); });
    printf("ceiling, m64n256k32 alone: %.0f TOP/s\n", 2.0 * multiprocessors * 2 * rounds * 4 * 64 * 256 * 32 / ceiling / 1e9);
    const int shapes[][3] = {{8192, 8192, 8192}, {2048, 12288, 4096}, {2048, 4096, 4096}, {2048, 22016, 4096}, {2048, 4096, 11008}, {2048, 10240, 8192},
                             {2048, 8192, 8192}, {2048, 57344, 8192}, {2048, 8192, 28672}, {512, 12288, 4096}, {128, 12288, 4096}};
    for (const auto& s : shapes) {
        for (const Variant& v : variants) {
            if (!v.gemm && s[0] > 512 || !v.gemm && !v.tile) continue;
            Problem p(s[0], s[1], s[2], v.grouped ? s[2] / 128 : 1, seed++);
            for (int flags = 0; flags <= kSiluAndMul; flags += kSiluAndMul) {
                const double ms = median_ms(15, [&] { launch(v, p, p.packed, p.y, nullptr, flags); });
                printf("gemm %-5s tokens %5d out %6d k %6d %s: %8.1f us %6.0f TOP/s\n", v.name, s[0], s[1], s[2], flags ? "silu" : "    ", ms * 1e3,
                       2.0 * s[0] * s[1] * s[2] / ms / 1e9);
            }
        }
        fflush(stdout);
    }
}

// Launches in one graph, each on the next of enough copies of the weights that none is found in L2.
static void time_gemv(unsigned seed) {
    const int shapes[][2] = {{4096, 4096}, {12288, 4096}, {22016, 4096}, {4096, 11008}, {8192, 8192}, {10240, 8192}, {57344, 8192}, {8192, 28672}};
    for (const auto& s : shapes) {
        for (const Variant& v : variants) {
            if (!v.gemv) continue;
            for (int tokens : {1, 8, 16, 32, 64}) {
                if (tokens > v.max_tokens || (v.max_tokens == 16 && tokens == 8) || (v.tile && tokens < 16)) continue;
                Problem p(tokens, s[0], s[1], v.grouped ? s[1] / 128 : 1, seed++);
                const long long bytes = w4_words(s[0], s[1]) * 4;
                const int copies = (int)(400000000 / bytes + 2), launches = std::max(copies, 40);
                unsigned char* many = allocate<unsigned char>(bytes * copies);
                for (int i = 0; i < copies; i++) CHECK(cudaMemcpy(many + i * bytes, p.packed, bytes, cudaMemcpyDeviceToDevice));
                cudaStream_t stream;
                cudaGraph_t graph;
                cudaGraphExec_t exec;
                CHECK(cudaStreamCreate(&stream));
                CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
                for (int i = 0; i < launches; i++) launch(v, p, many + i % copies * bytes, p.y, nullptr, 0, stream);
                CHECK(cudaStreamEndCapture(stream, &graph));
                CHECK(cudaGraphInstantiate(&exec, graph, 0));
                const double ms = median_ms(9, [&] { CHECK(cudaGraphLaunch(exec, 0)); }) / launches;
                printf("gemv %-11s tokens %2d out %6d k %6d: %7.2f us %5.2f TB/s\n", v.name, tokens, s[0], s[1], ms * 1e3, bytes / ms / 1e9);
                cudaGraphExecDestroy(exec);
                cudaGraphDestroy(graph);
                cudaStreamDestroy(stream);
                cudaFree(many);
            }
        }
        fflush(stdout);
    }
}

int main(int count, char** arguments) {
    const std::string mode = count > 1 ? arguments[1] : "check";
    CHECK(cudaFree(0));
    cudaDeviceProp device;
    CHECK(cudaGetDeviceProperties(&device, 0));
    multiprocessors = device.multiProcessorCount;
    for (const Variant& v : variants)
        CHECK(cudaFuncSetAttribute(v.gemm ? (const void*)v.gemm : (const void*)v.gemv, cudaFuncAttributeMaxDynamicSharedMemorySize, v.shared));
    if (mode == "once") {
        for (const Variant& v : variants) {
            if (std::string(v.name) != arguments[2]) continue;
            Problem p(v.gemm ? 8192 : std::min(v.max_tokens, 16) == 8 ? 1 : 16, v.gemm ? 8192 : 22016, v.gemm ? 8192 : 4096, v.grouped ? 64 : 1, 1);
            launch(v, p, p.packed, p.y, nullptr, 0);
            CHECK(cudaDeviceSynchronize());
        }
        return 0;
    }
    const unsigned seed = count > 2 ? (unsigned)strtoul(arguments[2], nullptr, 10) : 1;
    printf("%s, %d SMs, seed %u\n", device.name, multiprocessors, seed);
    if (mode == "check") return check_all(seed);
    if (count <= 3 || std::string(arguments[3]) == "gemm") time_gemm(seed);
    if (count <= 3 || std::string(arguments[3]) == "gemv") time_gemv(seed);
    return 0;
}
