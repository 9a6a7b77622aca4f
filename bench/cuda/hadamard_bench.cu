// Checks and times hadamard_quantize at prefill sizes on one GPU, without the server.
//   nvcc -O3 -std=c++17 -fmad=false -arch=sm_90 -o hadamard_bench hadamard_bench.cu && ./hadamard_bench
// Checks: codes and scales of rows against exact host sums. Times: 2,048 rows, the median of 20 launches over several inputs; bytes are x read and codes written.
#include <cuda_runtime.h>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>
#include "../../Kernels/Cuda/hadamard_quantize.cu"

#define CHECK(call)                                                                                         \
    do {                                                                                                    \
        const cudaError_t error = (call);                                                                   \
        if (error != cudaSuccess) {                                                                         \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, cudaGetErrorString(error));                  \
            exit(1);                                                                                        \
        }                                                                                                   \
    } while (0)

constexpr int kRows = 2048, kSets = 3, kHighest = 7;
constexpr float kClip = 0.9f;

static int sign_of(int m, int from, int to) { return (from * 2654435761u ^ to * 40503u ^ from * to * 97u) >> 7 & 1 ? -1 : 1; }

// As HadamardQuantizer.Fragments.
static std::vector<signed char> fragments(int m) {
    const int rows = (m + 15) / 16, steps = (m + 31) / 32;
    std::vector<signed char> bytes(rows * steps * 512);
    for (int i = 0; i < (int)bytes.size(); i++) {
        const int tile = i / 512, lane = i / 16 % 32, word = i / 4 % 4, to = tile / steps * 16 + lane / 4 + word % 2 * 8,
                  from = tile % steps * 32 + lane % 4 * 4 + word / 2 * 16 + i % 4;
        bytes[i] = to < m && from < m ? (signed char)sign_of(m, from, to) : 0;
    }
    return bytes;
}

// Codes and scale of a row from exact sums.
static float host_row(const float* x, int m, int columns, float root, std::vector<int>& codes) {
    const int width = m * columns;
    float largest = 0;
    for (int i = 0; i < width; i++) largest = std::max(largest, std::fabs(x[i]));
    const float factor = std::ldexp(1.0f, 14 - std::ilogb(largest));
    std::vector<long> z(width), y(width);
    for (int i = 0; i < width; i++) z[i] = std::min(std::max((long)std::nearbyint(x[i] * factor), -32767L), 32767L);
    for (int apart = 1; apart < columns; apart *= 2)
        for (int i = 0; i < width; i++)
            if (!(i & apart)) {
                const long u = z[i], v = z[i + apart];
                z[i] = u + v, z[i + apart] = u - v;
            }
    long peak = 0;
    for (int to = 0; to < m; to++)
        for (int c = 0; c < columns; c++) {
            long sum = 0;
            for (int from = 0; from < m; from++) sum += m == 1 ? z[c] : sign_of(m, from, to) * z[from * columns + c];
            y[to * columns + c] = sum;
            peak = std::max(peak, std::labs(sum));
        }
    const float step = kClip * (float)peak / (float)kHighest, inverse = 1.0f / step;
    codes.resize(width);
    for (int i = 0; i < width; i++) codes[i] = (int)std::min(std::max(std::nearbyint((float)y[i] * inverse), -kHighest - 1.0f), (float)kHighest);
    return step * (root * std::ldexp(1.0f, std::ilogb(largest) - 14));
}

int main() {
    int bad = 0;
    struct Case {
        const char* name;
        int m, columns;
    };
    int sms;
    CHECK(cudaDeviceGetAttribute(&sms, cudaDevAttrMultiProcessorCount, 0));
    for (const Case c : {Case{"mma_wide_c1 11008", 172, 64}, Case{"mma_c8 14336", 28, 512}, Case{"mma_c16 28672", 28, 1024}, Case{"2k 4096", 1, 4096}, Case{"2k 8192", 1, 8192}}) {
        const int width = c.m * c.columns, chunks = c.columns / 64;
        const float root = 1.0f / std::sqrt((float)width);
        float *x, *scales;
        signed char* codes;
        uint4* signs;
        CHECK(cudaMalloc(&x, 4LL * kSets * kRows * width));
        CHECK(cudaMalloc(&codes, 1LL * kRows * width));
        CHECK(cudaMalloc(&scales, 4LL * kRows));
        const std::vector<signed char> a = fragments(c.m);
        CHECK(cudaMalloc(&signs, a.size()));
        CHECK(cudaMemcpy(signs, a.data(), a.size(), cudaMemcpyHostToDevice));
        std::vector<float> host(1LL * kRows * width);
        std::mt19937 random(11 + width);
        std::normal_distribution<float> normal;
        for (float& v : host) v = normal(random);
        for (int set = 0; set < kSets; set++) CHECK(cudaMemcpy(x + 1LL * set * kRows * width, host.data(), 4LL * host.size(), cudaMemcpyHostToDevice));
        const int steps = (c.m + 31) / 32, bytes = c.m == 1 ? 4 * width : 2048 * (chunks == 1 ? 2 : 3) * steps * chunks;
        const int warps = std::max((c.m + 32 / chunks - 1) / std::max(32 / chunks, 1) * 2, chunks * ((c.m + 15) / 16)), threads = c.m == 1 ? width / 32 : 32 * warps;
        const auto prepare = [&](const void* kernel) { CHECK(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes)); };
        if (c.m == 1) prepare((const void*)hadamard_quantize_2k);
        else prepare(chunks == 1 ? (const void*)hadamard_quantize_mma_wide_c1 : chunks == 8 ? (const void*)hadamard_quantize_mma_c8 : (const void*)hadamard_quantize_mma_c16);
        const auto launch = [&](int set) {
            const float* from = x + 1LL * set * kRows * width;
            if (c.m == 1) hadamard_quantize_2k<<<kRows, threads, bytes>>>(from, codes, scales, (int)std::log2(width), width - 1, width, kHighest, kClip, root);
            else if (chunks == 1) hadamard_quantize_mma_wide_c1<<<kRows, threads, bytes>>>(from, signs, codes, scales, c.m, c.columns, c.columns - 1, width, kHighest, kClip, root);
            else if (chunks == 8) hadamard_quantize_mma_c8<<<kRows, threads, bytes>>>(from, signs, codes, scales, c.m, c.columns, c.columns - 1, width, kHighest, kClip, root);
            else hadamard_quantize_mma_c16<<<kRows, threads, bytes>>>(from, signs, codes, scales, c.m, c.columns, c.columns - 1, width, kHighest, kClip, root);
        };
        CHECK(cudaMemset(codes, 99, 1LL * kRows * width));
        launch(0);
        CHECK(cudaDeviceSynchronize());
        std::vector<signed char> out(1LL * kRows * width);
        std::vector<float> out_scales(kRows);
        CHECK(cudaMemcpy(out.data(), codes, out.size(), cudaMemcpyDeviceToHost));
        CHECK(cudaMemcpy(out_scales.data(), scales, 4 * kRows, cudaMemcpyDeviceToHost));
        std::vector<int> expected;
        for (int row : {0, 1, 777, kRows - 1}) {
            const float scale = host_row(host.data() + 1LL * row * width, c.m, c.columns, root, expected);
            i64 wrong = scale != out_scales[row];
            for (int i = 0; i < width; i++) wrong += expected[i] != out[1LL * row * width + i];
            if (wrong) printf("%s row %d: %lld differ, scale %g, expected %g\n", c.name, row, (long long)wrong, out_scales[row], scale), bad++;
        }
        std::vector<float> times;
        cudaEvent_t start, end;
        CHECK(cudaEventCreate(&start));
        CHECK(cudaEventCreate(&end));
        for (int i = 0; i < 23; i++) {
            CHECK(cudaEventRecord(start));
            launch(i % kSets);
            CHECK(cudaEventRecord(end));
            CHECK(cudaEventSynchronize(end));
            float ms;
            CHECK(cudaEventElapsedTime(&ms, start, end));
            if (i >= 3) times.push_back(1000 * ms);
        }
        std::sort(times.begin(), times.end());
        const double us = times[times.size() / 2];
        printf("hadamard_quantize %-18s %4d threads: %7.1f us %5.0f GB/s\n", c.name, threads, us, 5.0 * kRows * width / us / 1e3);
        CHECK(cudaFree(x));
        CHECK(cudaFree(codes));
        CHECK(cudaFree(scales));
        CHECK(cudaFree(signs));
    }
    printf("%d checks failed\n", bad);
    return bad != 0;
}
