// Checks and times the kernels that treat rows on their own: rms_norm(_quantize), hadamard_quantize, lm_head, sample_token.
//   nvcc -O3 -std=c++17 -fmad=false -arch=sm_90 -I Kernels/Cuda -o rows_bench bench/cuda/rows_bench.cu && ./rows_bench [SEED]
// First against plain loops on the host, bit for bit, with fresh random inputs; then times inside a graph of 40 launches. The table comes last.
#include <cuda_runtime.h>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <random>
#include <string>
#include <vector>
#include "rows.cu"
#include "hadamard_quantize.cu"
#include "head.cu"
#include "sample_token.cu"

#define CHECK(call)                                                                                                        \
    do {                                                                                                                   \
        const cudaError_t status = (call);                                                                                 \
        if (status != cudaSuccess) { printf("%s:%d: %s: %s\n", __FILE__, __LINE__, #call, cudaGetErrorString(status)); exit(1); } \
    } while (0)

static std::mt19937 rng;
static int wrong;

template <typename T>
struct Device {
    T* p;
    size_t n;
    explicit Device(size_t n) : n(n) { CHECK(cudaMalloc(&p, n * sizeof(T))); CHECK(cudaMemset(p, 0xff, n * sizeof(T))); }
    explicit Device(const std::vector<T>& v) : Device(v.size()) { set(v); }
    ~Device() { cudaFree(p); }
    Device(const Device&) = delete;
    void set(const std::vector<T>& v) { CHECK(cudaMemcpy(p, v.data(), v.size() * sizeof(T), cudaMemcpyHostToDevice)); }
    std::vector<T> get() const {
        std::vector<T> v(n);
        CHECK(cudaMemcpy(v.data(), p, n * sizeof(T), cudaMemcpyDeviceToHost));
        return v;
    }
};

static std::vector<float> normal(size_t n, float scale = 1.0f) {
    std::normal_distribution<float> d(0.0f, scale);
    std::vector<float> v(n);
    for (float& x : v) x = rng() % 200 == 0 ? 20 * d(rng) : d(rng);
    return v;
}

template <typename T>
static void require_same(const std::string& what, const std::vector<T>& got, const std::vector<T>& expected) {
    size_t bad = 0;
    for (size_t i = 0; i < expected.size(); i++) bad += memcmp(&got[i], &expected[i], sizeof(T)) != 0;
    if (bad) { printf("WRONG %s: %zu of %zu differ\n", what.c_str(), bad, expected.size()); wrong++; }
}

static signed char coded(float x, float inverse, int highest) {
    return (signed char)std::min(std::max(nearbyintf(x * inverse), (float)(-highest - 1)), (float)highest);
}

static int strided(int width) { return (width + 63) / 64 * 64; }

// One way to launch a kernel: with programmatic dependent launch, as the product does.
template <typename... P, typename... A>
static void launch(void (*kernel)(P...), dim3 grid, int threads, size_t shared, cudaStream_t stream, A... arguments) {
    if (shared > 48 * 1024) CHECK(cudaFuncSetAttribute((const void*)kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)shared));
    cudaLaunchAttribute overlap;
    overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    overlap.val.programmaticStreamSerializationAllowed = 1;
    cudaLaunchConfig_t config = {};
    config.gridDim = grid;
    config.blockDim = dim3(threads);
    config.dynamicSmemBytes = shared;
    config.stream = stream;
    config.attrs = &overlap;
    config.numAttrs = 1;
    CHECK(cudaLaunchKernelEx(&config, kernel, P(arguments)...));
}

static void norm(const float* x, float* y, int rows, int width, cudaStream_t s) { launch(rms_norm, rows, 256, 0, s, x, nullptr, 1e-5f, y, width); }
static void norm_quantize(const float* x, const float* gain, signed char* codes, float* scales, int rows, int width, cudaStream_t s) {
    launch(rms_norm_quantize, rows, 256, 0, s, x, gain, 1e-5f, codes, scales, width, strided(width), 7, 0.9f);
}

// A Hadamard shape with any signs: the kernels do not care that the matrix is one.
struct Transform {
    int m, doublings, inner, columns, width, threads = 1024, way = 0;  // 0 any, 1 2^k, 2 narrow, 3 wide
    size_t shared = 0;
    float root;
    std::vector<signed char> matrix;
    Device<uint4> fragments;
    Device<u8> bits;

    Transform(int m, int doublings, int inner)
        : m(m), doublings(doublings), inner(inner), columns(doublings * inner), width(m * columns), root((float)(1 / std::sqrt((double)m * doublings))),
          matrix(m * m, 1), fragments((m + 15) / 16 * ((m + 31) / 32) * 32), bits((m + 7) / 8 * m) {
        if (m > 1) for (auto& sign : matrix) sign = rng() & 1 ? 1 : -1;
        const int steps = (m + 31) / 32, tiles = (m + 15) / 16;
        std::vector<uint4> packed(fragments.n);
        for (int i = 0; i < tiles * steps * 512; i++) {
            const int tile = i / 512, lane = i / 16 % 32, word = i / 4 % 4;
            const int to = tile / steps * 16 + lane / 4 + word % 2 * 8, from = tile % steps * 32 + lane % 4 * 4 + word / 2 * 16 + i % 4;
            ((signed char*)packed.data())[i] = to < m && from < m ? matrix[from * m + to] : 0;
        }
        fragments.set(packed);
        std::vector<u8> packed_bits(bits.n);
        for (int to = 0; to < m; to++)
            for (int from = 0; from < m; from++) packed_bits[to / 8 * m + from] |= matrix[from * m + to] > 0 ? 0 : 1 << (to % 8);
        bits.set(packed_bits);
        const bool power = (columns & (columns - 1)) == 0;
        const int chunks = std::max(columns / 64, 1);
        if (power && m == 1 && width >= 1024 && width <= 32768) {
            way = 1;
            threads = width / 32;
            shared = ((doublings - 1) * inner & (width / 32 - 1)) >= 32 ? width * 4 : 0;
        } else if (power && m > 1 && chunks <= 32) {
            const int lines = 32 / chunks, warps = std::max((m + lines - 1) / lines * (columns > 32 ? 2 : 1), chunks * tiles);
            if (warps <= (steps == 1 ? 32 : 28)) {
                way = steps == 1 ? 2 : 3;
                threads = 32 * warps;
                shared = 2048 * (chunks == 1 ? 2 : 3) * steps * chunks;
            }
        }
        if (way == 0 && m > 1) shared = m * 128;
    }

    void run(float* x, signed char* codes, float* scales, int rows, cudaStream_t s) {
        const int butterflies = (doublings - 1) * inner, stride = strided(width);
        if (way == 1) {
            int log = 0;
            while (1 << log < width) log++;
            launch(hadamard_quantize_2k, rows, threads, shared, s, x, codes, scales, log, butterflies, stride, 7, 0.9f, root);
        } else if (way == 0) {
            launch(hadamard_quantize_any, rows, threads, shared, s, x, bits.p, codes, scales, m, doublings, inner, stride, 7, 0.9f, root);
        } else {
            launch(way == 2 ? hadamard_quantize_mma : hadamard_quantize_mma_wide, rows, threads, shared, s, x, fragments.p, codes, scales, m, columns,
                butterflies, stride, 7, 0.9f, root);
        }
    }

    void reference(const float* x, signed char* codes, float* scale) const {
        float largest = 0;
        for (int i = 0; i < width; i++) largest = std::max(largest, fabsf(x[i]));
        memset(codes, 0, strided(width));
        *scale = 1;
        if (largest < 1e-30f) return;
        const int k = ilogbf(largest);
        std::vector<int> t(width), z(width);
        for (int i = 0; i < width; i++) t[i] = (int)std::min(std::max(nearbyintf(x[i] * ldexpf(1, 14 - k)), -32767.0f), 32767.0f);
        for (int apart = inner; apart < columns; apart *= 2)
            for (int i = 0; i < width; i++)
                if (i % columns / apart % 2 == 0) { const int u = t[i], v = t[i + apart]; t[i] = u + v; t[i + apart] = u - v; }
        for (int to = 0; to < m; to++)
            for (int from = 0; from < m; from++)
                for (int c = 0; c < columns; c++) z[to * columns + c] += matrix[from * m + to] * t[from * columns + c];
        int peak = 0;
        for (int v : z) peak = std::max(peak, abs(v));
        const float step = 0.9f * (float)peak / 7;
        const float whole = step * (root * ldexpf(1, k - 14));
        if (whole < 1e-30f) return;
        *scale = whole;
        for (int i = 0; i < width; i++) codes[i] = coded((float)z[i], 1 / step, 7);
    }
};

static void check_rows(int rows, int width) {
    auto x = normal((size_t)rows * width), gain = normal(width);
    std::vector<float> y(x.size()), scales(rows);
    std::vector<signed char> codes((size_t)rows * strided(width));
    for (int r = 0; r < rows; r++) {
        float lane[256] = {};
        for (int i = 0; i < width; i++) lane[i % 256] = fmaf(x[(size_t)r * width + i], x[(size_t)r * width + i], lane[i % 256]);
        for (int half = 128; half; half /= 2)
            for (int i = 0; i < half; i++) lane[i] += lane[i + half];
        const float inverse = 1 / sqrtf(lane[0] / width + 1e-5f);
        float largest = 0;
        std::vector<float> gained(width);
        for (int i = 0; i < width; i++) {
            y[(size_t)r * width + i] = x[(size_t)r * width + i] * inverse;
            gained[i] = y[(size_t)r * width + i] * gain[i];
            largest = std::max(largest, fabsf(gained[i]));
        }
        scales[r] = 0.9f * largest / 7;
        scales[r] = scales[r] < 1e-30f ? 1 : scales[r];
        for (int i = 0; i < width; i++) codes[(size_t)r * strided(width) + i] = coded(gained[i], 1 / scales[r], 7);
    }
    Device<float> dx(x), dgain(gain), dy(x.size()), dscales(rows);
    Device<signed char> dcodes(codes.size());
    norm(dx.p, dy.p, rows, width, 0);
    norm_quantize(dx.p, dgain.p, dcodes.p, dscales.p, rows, width, 0);
    require_same("rms_norm " + std::to_string(width), dy.get(), y);
    require_same("rms_norm_quantize codes " + std::to_string(width), dcodes.get(), codes);
    require_same("rms_norm_quantize scales " + std::to_string(width), dscales.get(), scales);
}

static void check_hadamard(int rows, int m, int doublings, int inner) {
    Transform transform(m, doublings, inner);
    auto x = normal((size_t)rows * transform.width);
    if (rows > 2) std::fill(x.begin() + transform.width, x.begin() + 2 * transform.width, 0.0f);
    const int stride = strided(transform.width);
    std::vector<float> scales(rows);
    std::vector<signed char> codes((size_t)rows * stride);
    for (int r = 0; r < rows; r++) transform.reference(&x[(size_t)r * transform.width], &codes[(size_t)r * stride], &scales[r]);
    Device<float> dx(x), dscales(rows);
    Device<signed char> dcodes(codes.size());
    transform.run(dx.p, dcodes.p, dscales.p, rows, 0);
    const auto name = "hadamard_quantize " + std::to_string(m) + " x " + std::to_string(doublings) + " x " + std::to_string(inner);
    require_same(name + " codes", dcodes.get(), codes);
    require_same(name + " scales", dscales.get(), scales);
}

static void run_head(const float* x, const u8* w, float* y, int rows, int in, int out, cudaStream_t s) {
    const int tile = rows > 4 ? 8 : rows > 2 ? 4 : rows;
    auto kernel = tile == 8 ? head_float16_8_s6 : tile == 4 ? head_float16_4_s6 : tile == 2 ? head_float16_2_s6 : head_float16_1_s6;
    launch(kernel, dim3((rows + tile - 1) / tile, (out + 255) / 256), 256, 6 * (32768 + tile * 256), s, x, in, w, in * 2, nullptr, in, in, nullptr, y, rows, out, 0);
}

__global__ void plain_head(const float* x, const u16* w, float* y, int rows, int in, int out) {
    const i64 at = blockIdx.x * 256ll + threadIdx.x;
    if (at >= (i64)rows * out) return;
    const float* from = x + at / out * in;
    const u16* weights = w + at % out * in;
    float lane[16] = {};
    for (int k = 0; k < in; k++) lane[k % 16] = __fmaf_rn(from[k], half_to_float(weights[k]), lane[k % 16]);
    for (int half = 8; half; half /= 2)
        for (int i = 0; i < half; i++) lane[i] = __fadd_rn(lane[i], lane[i + half]);
    y[at] = lane[0];
}
__global__ void fill_weights(u16* w, i64 count, u32 seed) {
    for (i64 i = blockIdx.x * 256ll + threadIdx.x; i < count; i += gridDim.x * 256ll) {
        u32 h = (u32)i * 2654435761u + seed;
        h ^= h >> 16; h *= 0x7feb352du; h ^= h >> 15;
        w[i] = float_to_half((float)(int)(h & 4095) / 4096.0f - 0.5f);
    }
}

static void check_head(int rows, int in, int out) {
    Device<float> x(normal((size_t)rows * in)), y((size_t)rows * out), expected((size_t)rows * out);
    Device<u16> w((size_t)out * in);
    fill_weights<<<1024, 256>>>(w.p, (i64)out * in, rng());
    run_head(x.p, (u8*)w.p, y.p, rows, in, out, 0);
    plain_head<<<(unsigned)(((i64)rows * out + 255) / 256), 256>>>(x.p, w.p, expected.p, rows, in, out);
    require_same("lm_head " + std::to_string(rows) + " rows, " + std::to_string(out), y.get(), expected.get());
}

// Kernels/Sampling, by sorting.
static int sampled(const std::vector<float>& logits, const SampleParameters& row) {
    std::vector<int> ids(logits.size());
    for (size_t i = 0; i < ids.size(); i++) ids[i] = (int)i;
    const auto first = [&](int a, int b) { return logits[a] > logits[b] || (logits[a] == logits[b] && a < b); };
    std::sort(ids.begin(), ids.end(), first);
    const int best = ids[0];
    if (row.temperature == 0) return best;
    if (row.top_k > 0 && row.top_k < (int)ids.size()) ids.resize(row.top_k);
    const auto weight = [&](int id) {
        const float x = std::max((logits[id] - logits[best]) / row.temperature, -104.0f), n = nearbyintf(x * 1.44269504f);
        float r = fmaf(n, -0.693147182f, x);
        r = fmaf(n, 1.90465421e-9f, r);
        float p = fmaf(0.00139261759f, r, 0.00836317334f);
        p = fmaf(p, r, 0.0416665561f);
        p = fmaf(p, r, 0.166665778f);
        p = fmaf(p, r, 0.5f);
        p = fmaf(p, r * r, r) + 1.0f;
        return nearbyintf(ldexpf(p, (int)n) * 1073741824.0f);
    };
    const auto total = [&] { double sum = 0; for (int id : ids) sum += weight(id); return sum; };
    if (!(row.top_p >= 1)) {
        const double target = (double)row.top_p * total();
        double sum = 0;
        size_t count = 0;
        while (count < ids.size() && (sum < target || count == 0)) sum += weight(ids[count++]);
        ids.resize(count);
    }
    if (row.min_p > 0) ids.erase(std::remove_if(ids.begin(), ids.end(), [&](int id) { return weight(id) < row.min_p * 1073741824.0f && id != best; }), ids.end());
    std::sort(ids.begin(), ids.end());
    u32 k0 = (u32)row.seed, k1 = (u32)(row.seed >> 32), c[4] = {(u32)row.position, (u32)((u64)row.position >> 32), 0, 0};
    for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
        const u64 a = (u64)0xD2511F53u * c[0], b = (u64)0xCD9E8D57u * c[2];
        const u32 next[4] = {(u32)(b >> 32) ^ c[1] ^ k0, (u32)b, (u32)(a >> 32) ^ c[3] ^ k1, (u32)a};
        memcpy(c, next, sizeof c);
    }
    const double target = (double)((c[0] >> 8) * (1.0f / 16777216)) * total();
    double sum = 0;
    for (int id : ids) if ((sum += weight(id)) > target) return id;
    return ids.back();
}

struct Sampler {
    int vocab, rows;
    Device<SampleParameters> parameters;
    Device<SampleState> states;
    Device<u64> orders;
    Device<u32> weights;
    Device<int> ids;
    Sampler(int vocab, const std::vector<SampleParameters>& rows)
        : vocab(vocab), rows((int)rows.size()), parameters(rows), states(rows.size()), orders(rows.size() * vocab), weights(rows.size() * vocab), ids(rows.size()) {
        CHECK(cudaMemset(states.p, 0, states.n * sizeof(SampleState)));
    }
    void run(float* logits, bool draws, cudaStream_t s) {
        launch(sample_largest, dim3(kParts, rows), kLargestThreads, 0, s, logits, vocab, parameters.p, nullptr, states.p, ids.p);
        if (draws) launch(sample_drawn, dim3(kParts, rows), kDrawThreads, 0, s, logits, vocab, parameters.p, states.p, orders.p, weights.p, ids.p);
    }
};

static SampleParameters settings(float temperature, int top_k, float top_p, float min_p) {
    SampleParameters row = {};
    row.seed = (u64)rng() << 32 | rng();
    row.position = rng() % 10000;
    row.temperature = temperature; row.top_k = top_k; row.top_p = top_p; row.min_p = min_p; row.penalty = 1;
    return row;
}

static void check_sampler(int vocab, float spread) {
    const std::vector<SampleParameters> rows = {settings(0, 0, 1, 0), settings(1, 0, 1, 0), settings(0.7f, 50, 0.9f, 0), settings(1, 0, 0.95f, 0),
        settings(1.3f, 0, 1, 0.05f), settings(0.8f, 1000, 0.5f, 0.01f), settings(2, vocab - 1, 0.999f, 0), settings(0.01f, 3, 0.3f, 0.5f)};
    auto logits = normal(rows.size() * vocab, spread);
    for (size_t i = vocab * 5; i < logits.size(); i++) logits[i] = nearbyintf(logits[i] * 8) / 8;
    std::vector<int> expected;
    for (size_t r = 0; r < rows.size(); r++) expected.push_back(sampled({logits.begin() + r * vocab, logits.begin() + (r + 1) * vocab}, rows[r]));
    Device<float> device(logits);
    Sampler sampler(vocab, rows);
    for (int again = 0; again < 2; again++) {
        sampler.run(device.p, true, 0);
        require_same("sample_token " + std::to_string(vocab) + " spread " + std::to_string(spread), sampler.ids.get(), expected);
    }
}

// Microseconds of one of 40 launches in a graph; `body(i)` queues the i-th.
static double time_us(const std::function<void(int, cudaStream_t)>& body) {
    constexpr int kLaunches = 40;
    cudaStream_t stream;
    cudaGraph_t graph;
    cudaGraphExec_t ready;
    cudaEvent_t from, to;
    CHECK(cudaStreamCreate(&stream));
    body(0, stream);
    CHECK(cudaStreamSynchronize(stream));
    CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed));
    for (int i = 0; i < kLaunches; i++) body(i, stream);
    CHECK(cudaStreamEndCapture(stream, &graph));
    CHECK(cudaGraphInstantiateWithFlags(&ready, graph, 0));
    CHECK(cudaEventCreate(&from));
    CHECK(cudaEventCreate(&to));
    std::vector<float> times;
    for (int run = 0; run < 8; run++) {
        CHECK(cudaEventRecord(from, stream));
        CHECK(cudaGraphLaunch(ready, stream));
        CHECK(cudaEventRecord(to, stream));
        CHECK(cudaEventSynchronize(to));
        float ms;
        CHECK(cudaEventElapsedTime(&ms, from, to));
        if (run >= 2) times.push_back(ms);
    }
    std::sort(times.begin(), times.end());
    cudaGraphExecDestroy(ready);
    cudaGraphDestroy(graph);
    cudaStreamDestroy(stream);
    return times[times.size() / 2] * 1000 / kLaunches;
}

static void report(const char* what, int rows, const char* shape, double us, double bytes) {
    printf("%-18s %5d rows  %-12s %9.2f us  %7.0f GB/s\n", what, rows, shape, us, bytes / us / 1e3);
    fflush(stdout);
}

static void time_all() {
    struct { const char* name; int hidden, m, doublings, heads, vocab; } const models[] = {
        {"7B", 4096, 172, 64, 32, 32000}, {"8B", 4096, 28, 512, 32, 128256}, {"70B", 8192, 28, 1024, 64, 128256}};
    for (const auto& model : models) {
        Transform down(model.m, model.doublings, 1), heads(1, model.heads, 128);
        for (int rows : {1, 16, 2048}) {
            // Several inputs in turn where there are many rows: none is found in L2.
            const int copies = rows > 64 ? 3 : 1;
            const size_t widest = (size_t)rows * down.width;
            Device<float> x(normal(1 << 20)), wide(widest * copies), y((size_t)rows * model.hidden), scales(rows);
            for (size_t at = 0; at < wide.n; at += x.n) CHECK(cudaMemcpy(wide.p + at, x.p, std::min(x.n, wide.n - at) * 4, cudaMemcpyDeviceToDevice));
            Device<signed char> codes((size_t)rows * strided(down.width));
            const auto in = [&](int i) { return wide.p + i % copies * widest; };
            const double narrow = (double)rows * model.hidden, bytes = (double)rows * down.width;
            report("rms_norm", rows, model.name, time_us([&](int i, cudaStream_t s) { norm(in(i), y.p, rows, model.hidden, s); }), narrow * 8);
            report("rms_norm_quantize", rows, model.name,
                time_us([&](int i, cudaStream_t s) { norm_quantize(in(i), nullptr, codes.p, scales.p, rows, model.hidden, s); }), narrow * 5);
            report("hadamard heads", rows, model.name, time_us([&](int i, cudaStream_t s) { heads.run(in(i), codes.p, scales.p, rows, s); }), narrow * 5);
            report("hadamard down", rows, model.name, time_us([&](int i, cudaStream_t s) { down.run(in(i), codes.p, scales.p, rows, s); }), bytes * 5);
        }
        Device<u16> w((size_t)model.vocab * model.hidden);
        fill_weights<<<1024, 256>>>(w.p, (i64)w.n, 7);
        Device<float> x(normal((size_t)64 * model.hidden)), logits((size_t)64 * model.vocab);
        for (int rows : {1, 2, 4, 8, 16, 64})
            report("lm_head", rows, model.name,
                time_us([&](int, cudaStream_t s) { run_head(x.p, (u8*)w.p, logits.p, rows, model.hidden, model.vocab, s); }), (double)w.n * 2);
        for (float spread : {3.0f, 0.01f})
            for (int rows : {1, 16}) {
                Device<float> values(normal((size_t)rows * model.vocab, spread));
                Sampler greedy(model.vocab, std::vector<SampleParameters>(rows, settings(0, 0, 1, 0)));
                Sampler drawn(model.vocab, std::vector<SampleParameters>(rows, settings(0.8f, 50, 0.9f, 0)));
                const double bytes = (double)rows * model.vocab * 4;
                const char* name = spread > 1 ? model.name : "flat logits";
                report("sample greedy", rows, name, time_us([&](int, cudaStream_t s) { greedy.run(values.p, false, s); }), bytes);
                report("sample drawn", rows, name, time_us([&](int, cudaStream_t s) { drawn.run(values.p, true, s); }), bytes);
            }
    }
}

int main(int count, char** arguments) {
    const unsigned seed = count > 1 ? (unsigned)strtoul(arguments[1], nullptr, 10) : std::random_device()();
    rng.seed(seed);
    cudaDeviceProp device;
    CHECK(cudaGetDeviceProperties(&device, 0));
    printf("%s, seed %u\n", device.name, seed);
    for (int width : {1, 100, 257, 4096, 5120, 8192, 9000}) check_rows(3, width);
    const int shapes[][3] = {{12, 1, 1}, {12, 8, 1}, {28, 32, 1}, {44, 64, 1}, {20, 2, 128}, {28, 512, 1}, {172, 64, 1}, {28, 1024, 1}, {12, 2048, 1}, {108, 128, 1},
        {1, 32, 128}, {1, 64, 128}, {1, 1024, 1}, {1, 32768, 1}, {1, 8, 1}, {20, 2, 80}, {1, 32, 80}};
    for (const auto& s : shapes) check_hadamard(4, s[0], s[1], s[2]);
    for (int rows : {1, 2, 3, 8, 9}) check_head(rows, 4096, 1000);
    check_head(5, 64, 300);
    for (int vocab : {33, 1000, 32000}) {
        check_sampler(vocab, 3.0f);
        check_sampler(vocab, 0.01f);
    }
    CHECK(cudaDeviceSynchronize());
    if (wrong) { printf("%d comparisons differ\n", wrong); return 1; }
    printf("all bits equal\n");
    time_all();
    return 0;
}
