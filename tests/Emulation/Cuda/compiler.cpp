// NVRTC: g++ instead. What it calls a cubin is a shared object.
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "translate.h"

namespace fs = std::filesystem;

namespace {

enum Result { kSuccess = 0, kCompilation = 6, kInternal = 11 };

struct Program {
    std::string source, name, log, cubin;
    std::vector<std::pair<std::string, std::string>> headers;
};

std::string read(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
}

void write(const fs::path& file, const std::string& text) { std::ofstream(file, std::ios::binary) << text; }

std::string compiler() {
    const char* named = getenv("CXX");
    return named && *named ? named : "g++";
}

// The emulator's headers lie where it was built from.
const std::string kHeaders = EMULATOR_HEADERS;

// No contraction, no reordering: every operator rounds once. AVX2, FMA and F16C; locals that nobody has set hold a pattern.
const std::string kOptions =
    " -std=c++17 -O2 -march=x86-64-v3 -ffp-contract=off -fno-fast-math -fno-math-errno -fno-trapping-math -fno-strict-aliasing -fno-builtin"
    " -ftrivial-auto-var-init=pattern -fPIC -fvisibility=hidden -fno-gnu-unique -U_FORTIFY_SOURCE -fno-stack-protector -fcf-protection=none -w ";

std::string library() {
    Dl_info info;
    return dladdr((void*)&library, &info) ? info.dli_fname : "";
}

bool execute(const std::string& command, std::string& log) {
    FILE* pipe = popen((command + " 2>&1").c_str(), "r");
    if (!pipe) return false;
    char part[4096];
    for (size_t count; (count = fread(part, 1, sizeof part, pipe)) > 0;) log.append(part, count);
    return pclose(pipe) == 0;
}

std::string definitions(const std::vector<std::string>& options) {
    std::string text;
    for (const auto& option : options) {
        const std::string architecture = "--gpu-architecture=sm_";
        if (option.rfind(architecture, 0) == 0) text += " -D__CUDA_ARCH__=" + std::to_string(atoi(option.c_str() + architecture.size())) + "0";
        if (option.rfind("-D", 0) == 0) text += " '" + option + "'";
    }
    return text;
}

Result compile(Program& program, const std::vector<std::string>& options, const fs::path& folder) {
    write(folder / program.name, program.source);
    for (const auto& [name, text] : program.headers) write(folder / name, text);
    const std::string flags = kOptions + definitions(options) + " ";
    const fs::path preprocessed = folder / "preprocessed.ii", translated = folder / "translated.ii", object = folder / "module.so";
    // From within the folder, so that messages name the files as the product does.
    const std::string at = "cd '" + folder.string() + "' && " + compiler() + flags;
    if (!execute(at + "-E -x c++ -include '" + kHeaders + "/cuda_emulator.h' '" + program.name + "' -o " + preprocessed.string(), program.log)) return kCompilation;
    try {
        write(translated, emulator::translate(read(preprocessed)));
    } catch (const emulator::TranslationError& e) {
        program.log += program.name + ": " + e.what();
        return kCompilation;
    }
    if (!execute(at + "-shared -fpreprocessed -x c++ " + translated.string() + " -x none '" + library() + "' -o " + object.string(), program.log))
        return kCompilation;
    program.cubin = read(object);
    return program.cubin.empty() ? kInternal : kSuccess;
}

}  // namespace

#define EXPORT extern "C" __attribute__((visibility("default")))

// The minor version is a fingerprint of the emulator: a cache of compiled kernels does not outlive a change.
EXPORT int nvrtcVersion(int* major, int* minor) {
    std::string all = compiler() + kOptions, log;
    for (const char* file : {"cuda_emulator.h", "arithmetic.h", "warps.h", "ptx.h", "runtime.h", "translate.cpp"}) all += read(fs::path(kHeaders) / file);
    *major = 12;
    *minor = (int)(std::hash<std::string>()(all) % 1000000000);
    return execute(compiler() + " --version", log) ? kSuccess : kInternal;
}

EXPORT int nvrtcCreateProgram(Program** program, const char* source, const char* name, int count, const char* const* headers, const char* const* names) {
    *program = new Program{source, name ? name : "default_program", "", "", {}};
    for (int i = 0; i < count; i++) (*program)->headers.emplace_back(names[i], headers[i]);
    return kSuccess;
}

EXPORT int nvrtcDestroyProgram(Program** program) {
    delete *program;
    *program = nullptr;
    return kSuccess;
}

EXPORT int nvrtcCompileProgram(Program* program, int count, const char* const* options) {
    std::string folder = (fs::temp_directory_path() / "emulated-nvrtc-XXXXXX").string();
    if (!mkdtemp(folder.data())) return kInternal;
    const Result result = compile(*program, {options, options + count}, folder);
    if (getenv("EMULATOR_KEEP")) fprintf(stderr, "%s: %s\n", program->name.c_str(), folder.c_str());
    else fs::remove_all(folder);
    return result;
}

EXPORT int nvrtcGetCUBINSize(Program* program, size_t* size) {
    *size = program->cubin.size();
    return kSuccess;
}

EXPORT int nvrtcGetCUBIN(Program* program, char* cubin) {
    memcpy(cubin, program->cubin.data(), program->cubin.size());
    return kSuccess;
}

EXPORT int nvrtcGetProgramLogSize(Program* program, size_t* size) {
    *size = program->log.size() + 1;
    return kSuccess;
}

EXPORT int nvrtcGetProgramLog(Program* program, char* log) {
    memcpy(log, program->log.c_str(), program->log.size() + 1);
    return kSuccess;
}

EXPORT const char* nvrtcGetErrorString(int result) { return result == kSuccess ? "success" : result == kCompilation ? "compilation" : "internal error"; }
