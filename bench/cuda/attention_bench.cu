// Checks and times the attention kernels of Kernels/Cuda on one GPU, without the server.
//   nvcc -O3 -std=c++17 -fmad=false -arch=sm_90 -o attention_bench attention_bench.cu && ./attention_bench
// Checks: flash_decode, flash_prefill and attention_int against plain host loops at small shapes, all bits; flash_decode against flash_prefill
// for 2,048 rows. Times: graphs of 40 or more launches, each over another layer or sequence of 4.6 GB of pages, so that L2 holds none of them;
// "pdl": with programmatic dependent launch. Bytes: codes, scales and minima of K and V that a launch must read.
#include <cuda_runtime.h>
#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>
#include "../../Kernels/Cuda/kv_append.cuh"
#include "../../Kernels/Cuda/ptx.cuh"
#include "../../Kernels/Cuda/softmax.cuh"
namespace decode_source {
#include "../../Kernels/Cuda/flash_decode.cu"
}
namespace prefill_source {
#include "../../Kernels/Cuda/flash_prefill.cu"
}
namespace rope_source {
#include "../../Kernels/Cuda/rope_append.cu"
}
namespace plain_source {
#include "../../Kernels/Cuda/attention_int.cu"
}
using namespace decode_source;
using namespace prefill_source;

#define CHECK(call)                                                                                         \
    do {                                                                                                    \
        const cudaError_t error = (call);                                                                   \
        if (error != cudaSuccess) {                                                                         \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, cudaGetErrorString(error));                  \
            exit(1);                                                                                        \
        }                                                                                                   \
    } while (0)

static int multiprocessors;

// KvLayout of the server.
struct Layout {
    int layers, kv_heads, dim, key_bits, value_bits;
    int head_bytes(int bits) const { return bits <= 4 ? dim / 2 : dim; }
    i64 plane_bytes(int bits) const { return (i64)kv_heads * kPageSize * (head_bytes(bits) + 4); }
    i64 layer_bytes() const { return plane_bytes(key_bits) + plane_bytes(value_bits); }
    i64 page_bytes() const { return layers * layer_bytes(); }
    Plane key(int layer) const { return {layer * layer_bytes(), key_bits, head_bytes(key_bits)}; }
    Plane value(int layer) const { return {layer * layer_bytes() + plane_bytes(key_bits), value_bits, head_bytes(value_bits)}; }
};

template <typename T>
struct Device {
    T* p = nullptr;
    i64 count = 0;
    explicit Device(i64 n) : count(n) { CHECK(cudaMalloc(&p, std::max<i64>(n, 4) * sizeof(T))); }
    explicit Device(const std::vector<T>& v) : Device((i64)v.size()) { CHECK(cudaMemcpy(p, v.data(), v.size() * sizeof(T), cudaMemcpyHostToDevice)); }
    ~Device() { cudaFree(p); }
    Device(const Device&) = delete;
    std::vector<T> read() const {
        std::vector<T> v(count);
        CHECK(cudaMemcpy(v.data(), p, count * sizeof(T), cudaMemcpyDeviceToHost));
        return v;
    }
};

// Random codes that fit the bits, scales in (0, spread), minima around -scale·2^(bits-1).
__global__ void fill_planes(u8* cache, i64 pages, i64 page_bytes, Plane plane, int kv_heads, float spread) {
    const i64 codes = (i64)kv_heads * kPageSize * plane.head_bytes, steps = (i64)kv_heads * kPageSize;
    for (i64 i = blockIdx.x * (i64)blockDim.x + threadIdx.x; i < pages * (codes / 4 + steps); i += (i64)gridDim.x * blockDim.x) {
        const i64 page = i / (codes / 4 + steps), at = i % (codes / 4 + steps);
        u32 h = (u32)(i ^ (i >> 29)) * 2654435761u + (u32)plane.offset;
        h = (h ^ (h >> 15)) * 2246822519u;
        h ^= h >> 13;
        u8* to = cache + page * page_bytes + plane.offset;
        const u32 mask = plane.bits == 3 ? 0x77777777u : plane.bits == 4 ? 0xffffffffu : 0x01010101u * ((1u << plane.bits) - 1);
        if (at < codes / 4) {
            ((u32*)to)[at] = h & mask;
            continue;
        }
        const float scale = spread * ((h & 1023) + 1) / 1024.0f;
        u16* steps_of = (u16*)(to + codes);
        steps_of[at - codes / 4] = float_to_half(scale);
        steps_of[at - codes / 4 + steps] = float_to_half(-scale * (1 << (plane.bits - 1)) + 0.1f * ((int)(h >> 10 & 255) - 128) / 128.0f);
    }
}

using DecodeKernel = decltype(&flash_decode_128_44_1);
using PrefillKernel = decltype(&flash_prefill_128_44);

static DecodeKernel decode_kernel(const Layout& l, int group, int* heads) {
    const int bits = (l.key_bits > 4) * 2 + (l.value_bits > 4), d = l.dim == 128;
    *heads = bits ? 8 : group <= 2 ? group : group <= 4 ? 4 : 8;
    if (bits == 1) return d ? flash_decode_128_48_8 : flash_decode_64_48_8;
    if (bits == 2) return d ? flash_decode_128_84_8 : flash_decode_64_84_8;
    if (bits == 3) return d ? flash_decode_128_88_8 : flash_decode_64_88_8;
    if (*heads == 1) return d ? flash_decode_128_44_1 : flash_decode_64_44_1;
    if (*heads == 2) return d ? flash_decode_128_44_2 : flash_decode_64_44_2;
    if (*heads == 4) return d ? flash_decode_128_44_4 : flash_decode_64_44_4;
    return d ? flash_decode_128_44_8 : flash_decode_64_44_8;
}

static PrefillKernel prefill_kernel(const Layout& l, int* memory) {
    const int bits = (l.key_bits > 4) * 2 + (l.value_bits > 4), d = l.dim == 128;
    const PrefillKernel all[2][4] = {{flash_prefill_64_44, flash_prefill_64_48, flash_prefill_64_84, flash_prefill_64_88},
        {flash_prefill_128_44, flash_prefill_128_48, flash_prefill_128_84, flash_prefill_128_88}};
    const int sizes[2][4] = {{sizeof(PrefillMemory<64, false, false>), sizeof(PrefillMemory<64, false, true>), sizeof(PrefillMemory<64, true, false>),
        sizeof(PrefillMemory<64, true, true>)}, {sizeof(PrefillMemory<128, false, false>), sizeof(PrefillMemory<128, false, true>),
        sizeof(PrefillMemory<128, true, false>), sizeof(PrefillMemory<128, true, true>)}};
    *memory = sizes[d][bits];
    CHECK(cudaFuncSetAttribute(all[d][bits], cudaFuncAttributeMaxDynamicSharedMemorySize, *memory));
    return all[d][bits];
}

template <typename... Parameters, typename... Arguments>
static void launch(bool pdl, void (*kernel)(Parameters...), dim3 grid, int threads, int memory, cudaStream_t stream, Arguments... arguments) {
    cudaLaunchConfig_t config = {};
    cudaLaunchAttribute attribute = {};
    attribute.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    attribute.val.programmaticStreamSerializationAllowed = 1;
    config.gridDim = grid, config.blockDim = dim3(threads), config.dynamicSmemBytes = memory, config.stream = stream;
    config.attrs = &attribute, config.numAttrs = pdl ? 1 : 0;
    CHECK(cudaLaunchKernelEx(&config, kernel, Parameters(arguments)...));
}

// Rows with their codes of q; the pages are somewhere else.
struct Rows {
    int rows, heads, dim, stride;
    std::vector<int> host_ints;
    Device<int> ints;
    Device<float> q;
    Device<signed char> codes;
    Device<float> scales;
    Device<int> sums;
    Device<float> o, span_o, span_ml;
    Device<int> arrived;

    // positions, and each row's block table
    Rows(const std::vector<int>& positions, const std::vector<std::vector<int>>& tables, int heads, int dim)
        : rows((int)positions.size()), heads(heads), dim(dim), stride(*std::max_element(positions.begin(), positions.end()) / 512 + 1),
          host_ints(pack(positions, tables)), ints(host_ints), q(normal((i64)rows * heads * dim)), codes((i64)rows * heads * dim), scales((i64)rows * heads),
          sums((i64)rows * heads), o((i64)rows * heads * dim), span_o((i64)rows * heads * stride * dim), span_ml((i64)rows * heads * stride * 2),
          arrived((i64)rows * heads) {
        CHECK(cudaMemset(arrived.p, 0, arrived.count * 4));
        launch(false, rope_source::quantize_query, dim3((rows * heads + 3) / 4), 128, 0, nullptr, q.p, codes.p, scales.p, sums.p, (i64)rows * heads, dim,
            1.0f / sqrtf((float)dim));
    }

    static std::vector<int> pack(const std::vector<int>& positions, const std::vector<std::vector<int>>& tables) {
        std::vector<int> ints = positions, all;
        for (size_t i = 0; i < positions.size(); i++) {
            const bool is_same = i > 0 && tables[i] == tables[i - 1];
            ints.push_back(is_same ? ints.back() : (int)all.size());
            if (!is_same) all.insert(all.end(), tables[i].begin(), tables[i].end());
        }
        ints.insert(ints.end(), all.begin(), all.end());
        return ints;
    }

    static std::vector<float> normal(i64 count) {
        std::mt19937 random(7);
        std::normal_distribution<float> distribution;
        std::vector<float> x(count);
        for (float& v : x) v = distribution(random);
        return x;
    }

    Batch batch() const { return {ints.p, rows}; }

    // FlashAttention.SpansAtOnce.
    int spans_at_once(int blocks) const {
        const int slots = 2 * multiprocessors;
        int best = stride, least = slots ? (blocks * stride + slots - 1) / slots : 0;
        for (int z = stride - 1; slots > 0 && z > 0; z--) {
            const int turns = (blocks * z + slots - 1) / slots * ((stride + z - 1) / z);
            if (turns <= least) best = z, least = turns;
        }
        return best;
    }

    void decode(const Layout& l, u8* cache, int layer, bool pdl, cudaStream_t stream) {
        int block_heads;
        const int group = heads / l.kv_heads;
        const DecodeKernel kernel = decode_kernel(l, group, &block_heads);
        const int blocks = l.kv_heads * ((group + block_heads - 1) / block_heads) * rows;
        launch(pdl, kernel, dim3(blocks / rows, rows, block_heads <= 2 ? spans_at_once(blocks) : stride), 256, 0, stream, codes.p, scales.p, sums.p, cache,
            l.page_bytes(), l.key(layer), l.value(layer), batch(), nullptr, heads, l.kv_heads, o.p, span_o.p, span_ml.p, arrived.p, stride,
            pdl ? 1 : 0);
    }

    void prefill(const Layout& l, u8* cache, int layer, const int* tiles, int count, bool pdl, cudaStream_t stream) {
        int memory;
        const PrefillKernel kernel = prefill_kernel(l, &memory);
        launch(pdl, kernel, dim3(heads, count), 128, memory, stream, codes.p, scales.p, sums.p, cache, l.page_bytes(), l.key(layer), l.value(layer), batch(), tiles,
            l.kv_heads, o.p);
    }
};

static float host_half(u16 bits) {
    const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
    const float value = exponent ? ldexpf((float)(1024 + mantissa), exponent - 25) : ldexpf((float)mantissa, -24);
    return bits >> 15 ? -value : value;
}

static float host_exp(float x) {
    const auto power = [](int e) { return ldexpf(1.0f, e); };
    x = x < -104.0f ? -104.0f : x;
    const float n = rintf(x * 1.44269504f);
    float r = fmaf(n, -0.693147182f, x);
    r = fmaf(n, 1.90465421e-9f, r);
    float p = fmaf(0.00139261759f, r, 0.00836317334f);
    p = fmaf(p, r, 0.0416665561f);
    p = fmaf(p, r, 0.166665778f);
    p = fmaf(p, r, 0.5f);
    const volatile float square = r * r;
    p = fmaf(p, square, r) + 1.0f;
    const int half = (int)n >> 1;
    return p * power(half) * power((int)n - half);
}

struct HostState {
    float m, l;
    std::vector<float> o;
    void add(const HostState& next) {
        const float larger = std::max(m, next.m), keep = host_exp(m - larger), take = host_exp(next.m - larger);
        const volatile float sum = next.l * take;
        l = fmaf(l, keep, sum);
        for (size_t d = 0; d < o.size(); d++) {
            const volatile float taken = next.o[d] * take;
            o[d] = fmaf(o[d], keep, taken);
        }
        m = larger;
    }
};

static float host_sum(const float* x) {
    float lanes[8] = {};
    for (int j = 0; j < kPageSize; j++) lanes[j % 8] += x[j];
    return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

// The contract of Backend.Attention for one row and head, from codes of q.
static std::vector<float> host_attention(const Layout& l, const std::vector<u8>& cache, const signed char* q, float a, int s, const int* table, int position, int head) {
    const auto step = [&](const u8* plane, int bits, int j, int which) {
        u16 h;
        memcpy(&h, plane + (i64)l.kv_heads * kPageSize * l.head_bytes(bits) + 2 * ((which * l.kv_heads + head) * kPageSize + j), 2);
        return host_half(h);
    };
    const auto code = [&](const u8* plane, int bits, int j, int d) {
        const u8* from = plane + ((i64)head * kPageSize + j) * l.head_bytes(bits);
        return bits <= 4 ? from[d / 2] >> (4 * (d % 2)) & 15 : from[d];
    };
    std::vector<HostState> spans;
    for (int tile = 0; tile <= position / kPageSize; tile++) {
        const u8* page = cache.data() + table[tile] * l.page_bytes();
        const u8 *keys = page + l.key(0).offset, *values = page + l.value(0).offset;
        const int count = std::min(kPageSize, position + 1 - tile * kPageSize);
        float x[kPageSize], p[kPageSize] = {}, w[kPageSize] = {}, c[kPageSize] = {}, largest = 0.0f;
        HostState state = {-INFINITY, 0.0f, std::vector<float>(l.dim)};
        for (int j = 0; j < count; j++) {
            int sum = 0;
            for (int d = 0; d < l.dim; d++) sum += q[d] * code(keys, l.key_bits, j, d);
            const volatile float offset = step(keys, l.key_bits, j, 1) * (float)s;
            x[j] = a * fmaf(step(keys, l.key_bits, j, 0), (float)sum, offset);
            state.m = std::max(state.m, x[j]);
        }
        for (int j = 0; j < count; j++) {
            p[j] = host_exp(x[j] - state.m);
            w[j] = p[j] * step(values, l.value_bits, j, 0);
            c[j] = p[j] * step(values, l.value_bits, j, 1);
            largest = std::max(largest, w[j]);
        }
        state.l = host_sum(p);
        const float sum_c = host_sum(c), g = largest / 255.0f < 1e-30f ? 1.0f : largest / 255.0f, inverse = 1.0f / g;
        for (int d = 0; d < l.dim; d++) {
            int sum = 0;
            for (int j = 0; j < count; j++) sum += (int)std::min(rintf(w[j] * inverse), 255.0f) * code(values, l.value_bits, j, d);
            state.o[d] = fmaf(g, (float)sum, sum_c);
        }
        if (tile % 8 == 0) spans.push_back(state);
        else spans.back().add(state);
    }
    for (size_t i = 1; i < spans.size(); i++) spans[0].add(spans[i]);
    for (float& v : spans[0].o) v /= spans[0].l;
    return spans[0].o;
}

static int bad = 0;

static void compare(const char* what, const std::vector<float>& expected, const std::vector<float>& actual) {
    for (size_t i = 0; i < expected.size(); i++)
        if (memcmp(&expected[i], &actual[i], 4)) {
            printf("%s: element %zu is %.9g, expected %.9g\n", what, i, actual[i], expected[i]);
            bad++;
            return;
        }
    printf("%s: equal\n", what);
}

static void fill(u8* cache, i64 pages, const Layout& l, float key_spread) {
    for (int layer = 0; layer < l.layers; layer++) {
        fill_planes<<<2048, 256>>>(cache, pages, l.page_bytes(), l.key(layer), l.kv_heads, key_spread);
        fill_planes<<<2048, 256>>>(cache, pages, l.page_bytes(), l.value(layer), l.kv_heads, 0.3f);
    }
    CHECK(cudaGetLastError());
}

// Rows first .. first + count - 1 of one sequence.
static void check(const Layout& l, int heads, int first, int count, float spread) {
    const int pages = (first + count - 1) / kPageSize + 1;
    Device<u8> cache(pages * l.page_bytes());
    fill(cache.p, pages, l, spread);
    std::vector<int> positions, table, tiles;
    for (int i = 0; i < count; i++) positions.push_back(first + i);
    for (int i = 0; i < pages; i++) table.push_back((i * 7 + 3) % pages);
    if (pages % 7 == 0)
        for (int i = 0; i < pages; i++) table[i] = pages - 1 - i;
    for (int i = 0; i < count; i += 64) tiles.push_back(i), tiles.push_back(std::min(64, count - i));
    Rows rows(positions, std::vector<std::vector<int>>(count, table), heads, l.dim);
    const std::vector<u8> bytes = cache.read();
    const std::vector<signed char> codes = rows.codes.read();
    const std::vector<float> scales = rows.scales.read();
    const std::vector<int> sums = rows.sums.read();
    std::vector<float> expected;
    for (int i = 0; i < count * heads; i++) {
        const auto o = host_attention(l, bytes, &codes[(i64)i * l.dim], scales[i], sums[i], table.data(), first + i / heads, i % heads / (heads / l.kv_heads));
        expected.insert(expected.end(), o.begin(), o.end());
    }
    char name[160];
    const auto run = [&](const char* what, const std::function<void()>& body) {
        CHECK(cudaMemset(rows.o.p, 0xff, rows.o.count * 4));
        body();
        snprintf(name, sizeof name, "%s, dim %d, K%d V%d, %d/%d heads, positions %d to %d, spread %g", what, l.dim, l.key_bits, l.value_bits, heads, l.kv_heads, first,
            first + count - 1, spread);
        compare(name, expected, rows.o.read());
    };
    Device<int> device_tiles(tiles);
    run("decode", [&] { rows.decode(l, cache.p, 0, false, nullptr); });
    run("decode, pdl", [&] { rows.decode(l, cache.p, 0, true, nullptr); });
    run("prefill", [&] { rows.prefill(l, cache.p, 0, device_tiles.p, (int)tiles.size() / 2, false, nullptr); });
    run("plain", [&] {
        launch(false, plain_source::attention_int, dim3(heads, count), 128, 0, nullptr, rows.codes.p, rows.scales.p, rows.sums.p, cache.p, l.page_bytes(), l.key(0),
            l.value(0), rows.batch(), l.kv_heads, l.dim, rows.o.p);
    });
}

// Median microseconds of a launch in a graph of `launches`.
static double time_graph(int launches, const std::function<void(int, cudaStream_t)>& body) {
    cudaStream_t stream;
    cudaGraph_t graph;
    cudaGraphExec_t exec;
    cudaEvent_t from, to;
    CHECK(cudaStreamCreate(&stream));
    CHECK(cudaEventCreate(&from));
    CHECK(cudaEventCreate(&to));
    CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal));
    for (int i = 0; i < launches; i++) body(i, stream);
    CHECK(cudaStreamEndCapture(stream, &graph));
    CHECK(cudaGraphInstantiateWithFlags(&exec, graph, 0));
    std::vector<float> times(9);
    for (int i = -2; i < (int)times.size(); i++) {
        float ms;
        CHECK(cudaEventRecord(from, stream));
        CHECK(cudaGraphLaunch(exec, stream));
        CHECK(cudaEventRecord(to, stream));
        CHECK(cudaEventSynchronize(to));
        CHECK(cudaEventElapsedTime(&ms, from, to));
        if (i >= 0) times[i] = ms;
    }
    std::sort(times.begin(), times.end());
    cudaGraphExecDestroy(exec);
    cudaGraphDestroy(graph);
    cudaStreamDestroy(stream);
    return times[times.size() / 2] * 1000.0 / launches;
}

static std::string table;

static void report(const char* format, ...) {
    char line[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    table += line;
}

static void time_decode(Device<u8>& cache, int heads, int kv_heads, int batch, int context) {
    const int pages_of_row = context / kPageSize;
    Layout l = {1, kv_heads, 128, 4, 4};
    const i64 step_bytes = batch * pages_of_row * l.layer_bytes();
    l.layers = (int)std::min<i64>(32, cache.count / step_bytes);
    const int sets = (int)std::min<i64>(cache.count / (step_bytes * l.layers), 16), launches = std::max(40, (int)(400000000 / step_bytes) + 1);
    std::vector<Rows*> all;
    for (int set = 0; set < sets; set++) {
        std::vector<std::vector<int>> tables(batch);
        std::vector<int> pages(batch * pages_of_row);
        for (size_t i = 0; i < pages.size(); i++) pages[i] = set * (int)pages.size() + (int)i;
        std::mt19937 random(set);
        std::shuffle(pages.begin(), pages.end(), random);
        for (int row = 0; row < batch; row++) tables[row].assign(pages.begin() + row * pages_of_row, pages.begin() + (row + 1) * pages_of_row);
        all.push_back(new Rows(std::vector<int>(batch, context - 1), tables, heads, 128));
    }
    for (bool pdl : {false, true}) {
        const double us = time_graph(launches, [&](int i, cudaStream_t stream) { all[i / l.layers % sets]->decode(l, cache.p, i % l.layers, pdl, stream); });
        report("flash_decode %-4s batch %2d context %5d heads %2d/%2d: %8.2f us %6.0f GB/s\n", pdl ? "pdl" : "", batch, context, heads, kv_heads, us,
            step_bytes / us / 1e3);
    }
    for (Rows* rows : all) delete rows;
}

static void time_prefill(Device<u8>& cache, int heads, int kv_heads, int rows_count, int context) {
    Layout l = {8, kv_heads, 128, 4, 4};
    std::vector<int> positions, table, tiles;
    for (int i = context - rows_count; i < context; i++) positions.push_back(i);
    for (int i = 0; i < context / kPageSize; i++) table.push_back(i);
    for (int i = rows_count - 64; i >= 0; i -= 64) tiles.push_back(i), tiles.push_back(64);
    Rows rows(positions, std::vector<std::vector<int>>(rows_count, table), heads, 128);
    Device<int> device_tiles(tiles);
    const double us = time_graph(8, [&](int i, cudaStream_t stream) { rows.prefill(l, cache.p, i % 8, device_tiles.p, (int)tiles.size() / 2, false, stream); });
    const double products = (double)heads * rows_count * (context - 0.5 * rows_count) * 128 * 2;
    report("flash_prefill rows %4d context %5d heads %2d/%2d: %8.1f us %6.0f TOP/s\n", rows_count, context, heads, kv_heads, us, 2 * products / us / 1e6);
}

static void time_rope(Device<u8>& cache, int heads, int kv_heads, int rows_count) {
    const Layout l = {8, kv_heads, 128, 4, 4};
    std::vector<int> positions(rows_count), pages(rows_count / kPageSize + 1);
    for (int i = 0; i < rows_count; i++) positions[i] = i;
    for (size_t i = 0; i < pages.size(); i++) pages[i] = (int)i;
    Rows rows(positions, std::vector<std::vector<int>>(rows_count, pages), heads, 128);
    Device<float> qkv((i64)rows_count * (heads + 2 * kv_heads) * 128), angles((i64)rows_count * 64);
    CHECK(cudaMemset(qkv.p, 0, qkv.count * 4));
    CHECK(cudaMemset(angles.p, 0, angles.count * 4));
    const double us = time_graph(40, [&](int i, cudaStream_t stream) {
        launch(false, rope_source::rope_append_128, dim3((heads + 2 * kv_heads + 3) / 4, rows_count), 128, 0, stream, qkv.p, angles.p, angles.p, cache.p, l.page_bytes(),
            l.key(i % 8), l.value(i % 8), rows.batch(), heads, kv_heads, 0.088388346f, 0.088388346f, 0.95f, rows.codes.p, rows.scales.p, rows.sums.p);
    });
    report("rope_append rows %4d heads %2d/%2d: %8.2f us %6.0f GB/s of qkv\n", rows_count, heads, kv_heads, us, qkv.count * 4 / us / 1e3);
}

int main() {
    cudaDeviceProp device;
    CHECK(cudaGetDeviceProperties(&device, 0));
    multiprocessors = getenv("ALL_SPANS") ? 0 : device.multiProcessorCount;
    printf("%s, %d SMs\n", device.name, device.multiProcessorCount);
    check({1, 1, 128, 4, 4}, 1, 0, 1, 0.1f);
    check({1, 2, 128, 4, 4}, 2, 500, 80, 0.1f);
    check({2, 1, 128, 4, 4}, 2, 1020, 10, 2.0f);
    check({1, 2, 128, 3, 4}, 8, 60, 8, 0.1f);
    check({1, 1, 128, 4, 4}, 8, 63, 66, 0.5f);
    check({1, 1, 64, 4, 4}, 1, 0, 70, 0.3f);
    check({1, 2, 64, 4, 3}, 4, 510, 5, 0.3f);
    check({1, 1, 64, 4, 4}, 4, 1500, 3, 0.3f);
    check({1, 1, 64, 4, 4}, 9, 100, 3, 0.3f);
    check({1, 1, 64, 8, 8}, 2, 575, 3, 0.01f);
    check({1, 1, 64, 8, 4}, 2, 575, 3, 0.01f);
    check({1, 1, 64, 4, 6}, 2, 575, 3, 0.1f);
    check({1, 1, 128, 8, 8}, 2, 575, 3, 0.01f);
    check({1, 1, 128, 5, 4}, 2, 575, 3, 0.1f);
    check({1, 1, 128, 4, 8}, 2, 575, 3, 0.1f);

    const i64 bytes = 512LL * 32 * Layout{1, 32, 128, 4, 4}.layer_bytes();
    Device<u8> cache(bytes);
    {
        const Layout l = {32, 32, 128, 4, 4};
        fill(cache.p, 512, l, 0.1f);
        std::vector<int> positions, pages, tiles;
        for (int i = 0; i < 2048; i++) positions.push_back(i);
        for (int i = 0; i < 32; i++) pages.push_back(i * 13 % 512);
        for (int i = 1984; i >= 0; i -= 64) tiles.push_back(i), tiles.push_back(64);
        Rows rows(positions, std::vector<std::vector<int>>(2048, pages), 32, 128);
        Device<int> device_tiles(tiles);
        rows.prefill(l, cache.p, 5, device_tiles.p, 32, false, nullptr);
        const std::vector<float> expected = rows.o.read();
        CHECK(cudaMemset(rows.o.p, 0xff, rows.o.count * 4));
        rows.decode(l, cache.p, 5, false, nullptr);
        compare("2048 rows, 32 heads: decode against prefill", expected, rows.o.read());
    }
    printf("%d checks failed\n", bad);
    fflush(stdout);
    for (const auto& heads : {std::pair<int, int>(32, 32), std::pair<int, int>(32, 8), std::pair<int, int>(64, 8)})
        for (int batch : {1, 16})
            for (int context : {2048, 16384}) time_decode(cache, heads.first, heads.second, batch, context);
    for (const auto& heads : {std::pair<int, int>(32, 32), std::pair<int, int>(32, 8), std::pair<int, int>(64, 8)}) {
        time_prefill(cache, heads.first, heads.second, 2048, 2048);
        for (int rows : {1, 16, 2048}) time_rope(cache, heads.first, heads.second, rows);
    }
    time_prefill(cache, 32, 32, 512, 8192);
    fputs(table.c_str(), stdout);
    return bad != 0;
}
