#include "translate.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <vector>

namespace emulator {
namespace {

bool is_word(char c) { return isalnum((unsigned char)c) || c == '_'; }

std::string trim(const std::string& s) {
    const auto first = s.find_first_not_of(" \t\n\r"), last = s.find_last_not_of(" \t\n\r");
    return first == std::string::npos ? "" : s.substr(first, last - first + 1);
}

// Position behind the string or character literal, line marker, or single character at `at`.
size_t behind(const std::string& s, size_t at) {
    const char c = s[at];
    if (c == '#' && (at == 0 || s[at - 1] == '\n')) return std::min(s.find('\n', at), s.size());
    if (c != '"' && c != '\'') return at + 1;
    if (c == '\'' && at > 0 && isdigit((unsigned char)s[at - 1])) return at + 1;  // a digit separator
    size_t i = at + 1;
    while (i < s.size() && s[i] != c) i += s[i] == '\\' ? 2 : 1;
    return std::min(i + 1, s.size());
}

// Position behind the bracket that closes the one at `at`.
size_t behind_brackets(const std::string& s, size_t at) {
    int depth = 0;
    for (size_t i = at; i < s.size(); i = behind(s, i)) {
        if (s[i] == '(' || s[i] == '[' || s[i] == '{') depth++;
        if ((s[i] == ')' || s[i] == ']' || s[i] == '}') && --depth == 0) return i + 1;
    }
    throw TranslationError("a bracket is not closed: " + s.substr(at, 80));
}

std::vector<std::string> split(const std::string& s, char separator) {
    std::vector<std::string> parts(1);
    int depth = 0;
    for (size_t i = 0; i < s.size();) {
        const size_t end = behind(s, i);
        if (s[i] == '(' || s[i] == '[' || s[i] == '{') depth++;
        if (s[i] == ')' || s[i] == ']' || s[i] == '}') depth--;
        if (s[i] == separator && depth == 0) parts.emplace_back();
        else parts.back() += s.substr(i, end - i);
        i = end;
    }
    return parts;
}

std::string unquote(const std::string& literals) {
    std::string text;
    for (size_t i = 0; i < literals.size(); i++) {
        if (literals[i] != '"') continue;
        for (i++; literals[i] != '"'; i++) {
            if (literals[i] != '\\') text += literals[i];
            else if (literals[++i] == 'n') text += '\n';
            else if (literals[i] == 't') text += ' ';
            else text += literals[i];
        }
    }
    return text;
}

// mma.sync.aligned.m16n8k32 -> mma_sync_m16n8k32
std::string function_of(const std::string& mnemonic) {
    static const std::set<std::string> ignored = {"aligned", "nc", "volatile", "ca", "cg", "cs", "lu", "cv", "L1::no_allocate", "L1::evict_last",
        "L1::evict_first", "L2::64B", "L2::128B", "L2::256B"};
    std::string name, part;
    for (size_t i = 0; i <= mnemonic.size(); i++) {
        if (i < mnemonic.size() && mnemonic[i] != '.') {
            part += mnemonic[i];
            continue;
        }
        if (!ignored.count(part)) name += (name.empty() ? "" : "_") + part;
        part.clear();
    }
    for (size_t at; (at = name.find("::")) != std::string::npos;) name.replace(at, 2, "_");
    return name;
}

std::string operand(const std::string& text, const std::vector<std::string>& values) {
    std::string result;
    for (size_t i = 0; i < text.size(); i++) {
        if (isalnum((unsigned char)text[i])) {
            // A number, or a register that the text itself declares.
            size_t end = i;
            while (end < text.size() && is_word(text[end])) end++;
            result += (isdigit((unsigned char)text[i]) ? "" : "ptx_") + text.substr(i, end - i);
            i = end - 1;
        } else if (text[i] != '%') {
            result += text[i];
        } else if (text[i + 1] == '%') {
            size_t end = i + 2;
            while (end < text.size() && (is_word(text[end]) || text[end] == '.')) end++;
            result += "emulator::ptx::special_" + function_of(text.substr(i + 2, end - i - 2)) + "()";
            i = end - 1;
        } else {
            size_t end = i + 1;
            while (end < text.size() && isdigit((unsigned char)text[end])) end++;
            const size_t number = end > i + 1 ? std::stoul(text.substr(i + 1, end - i - 1)) : values.size();
            if (number >= values.size()) throw TranslationError("inline assembly names an operand that there is not: " + text);
            result += values[number];
            i = end - 1;
        }
    }
    return trim(result);
}

// One step: a label, a declaration, a branch, or a call; perhaps behind a predicate.
std::string call(const std::string& instruction, const std::vector<std::string>& values) {
    if (instruction == "{" || instruction == "}") return "";
    if (instruction.back() == ':') return "ptx_" + instruction + "; ";
    if (instruction[0] == '@') {
        const bool is_not = instruction[1] == '!';
        const size_t end = instruction.find(' ');
        return std::string("if (") + (is_not ? "!" : "") + "ptx_" + instruction.substr(1 + is_not, end - 1 - is_not) + ") { " +
            call(trim(instruction.substr(end)), values) + "} ";
    }
    if (instruction.rfind(".reg .pred ", 0) == 0) return "bool ptx_" + trim(instruction.substr(11)) + " = false; ";
    if (instruction.rfind("bra ", 0) == 0) return "goto ptx_" + trim(instruction.substr(4)) + "; ";
    const size_t blank = std::min(instruction.find_first_of(" \t"), instruction.size());
    std::string arguments;
    std::string flat;
    for (const char c : instruction.substr(blank))
        if (c != '{' && c != '}' && c != '[' && c != ']') flat += c;
    for (const auto& part : split(flat, ',')) {
        const std::string value = operand(trim(part), values);
        if (!value.empty() && value != "_") arguments += (arguments.empty() ? "" : ", ") + value;
    }
    return "emulator::ptx::" + function_of(instruction.substr(0, blank)) + "(" + arguments + "); ";
}

// `inside`: what stands between the parentheses of an asm statement.
std::string assembly(const std::string& inside) {
    const auto sections = split(inside, ':');
    std::vector<std::string> values;
    for (size_t s = 1; s < sections.size() && s < 3; s++)
        for (const auto& part : split(sections[s], ',')) {
            const auto open = part.find('(');
            if (open != std::string::npos) values.push_back(part.substr(open, behind_brackets(part, open) - open));
        }
    const std::string text = unquote(sections[0]);
    std::string code = "[&] { ", instruction;  // labels are a function's own
    for (const char c : text + ";") {
        if (c != ';' && c != '\n') {
            instruction += c;
            continue;
        }
        instruction = trim(instruction);
        if (!instruction.empty()) code += call(instruction, values);
        instruction.clear();
    }
    return code + "}()";
}

struct Translator {
    const std::string& in;
    size_t at = 0;
    std::string out;

    std::string word_at(size_t i) const {
        size_t end = i;
        while (end < in.size() && is_word(in[end])) end++;
        return in.substr(i, end - i);
    }

    void skip_blanks() {
        while (at < in.size() && (isspace((unsigned char)in[at]) || (in[at] == '#' && in[at - 1] == '\n'))) {
            const size_t end = behind(in, at);
            out += in.substr(at, end - at);
            at = end;
        }
    }

    // extern __shared__ [attributes] type name[];
    void dynamic_memory() {
        std::string type, name;
        while (true) {
            skip_blanks();
            const std::string word = word_at(at);
            if (word.empty()) break;
            at += word.size();
            if (word == "__attribute__" || word == "alignas") {
                skip_blanks();
                at = behind_brackets(in, at);
                continue;
            }
            type += name + " ";
            name = word;
        }
        at = in.find(';', at);
        out += type + "* const " + name + " = (" + type + "*)emulator::dynamic_shared";
    }

    // From behind __global__ to the end of the kernel.
    void kernel(bool has_c_name) {
        std::string bounds = "1024", cluster = "1", name;
        while (in[at] != '(') {
            skip_blanks();
            const std::string word = word_at(at);
            if (word.empty()) {
                if (in[at] != '(') out += in[at++];
                continue;
            }
            at += word.size();
            if (word == "__launch_bounds__" || word == "__cluster_dims__") {
                skip_blanks();
                const size_t end = behind_brackets(in, at);
                (word == "__launch_bounds__" ? bounds : cluster) = trim(split(in.substr(at + 1, end - at - 2), ',')[0]);
                at = end;
                continue;
            }
            out += word;
            name = word;
        }
        const size_t end = behind_brackets(in, at);
        out += in.substr(at, end - at);
        at = end;
        skip_blanks();
        if (in[at] != '{') return;
        const size_t last = behind_brackets(in, at);
        while (at < last) step();
        if (!has_c_name) return;
        out += " extern \"C\" __attribute__((visibility(\"default\"))) emulator::Kernel emulated_" + name + "; emulator::Kernel emulated_" + name +
            " = {emulator::Described<&" + name + ">::run, emulator::Described<&" + name + ">::sizes, (" + bounds + "), (" + cluster + "), emulator_shared}; " +
            // The product looks for kernels by the names of their sections.
            "extern \"C\" __attribute__((used, visibility(\"default\"))) const char emulated_section_" + name + "[]; const char emulated_section_" +
            name + "[] = \".text." + name + "\";";
    }

    void step() {
        if (!is_word(in[at]) || (at > 0 && is_word(in[at - 1]))) {
            const size_t end = behind(in, at);
            out += in.substr(at, end - at);
            at = end;
            return;
        }
        const std::string word = word_at(at);
        const size_t start = at;
        at += word.size();
        if (word == "asm" || word == "__asm__") {
            while (in[at] != '(') at++;
            const size_t end = behind_brackets(in, at);
            out += assembly(in.substr(at + 1, end - at - 2));
            at = end;
        } else if (word == "extern" && next_word() == "__shared__") {
            at = in.find("__shared__", at) + 10;
            dynamic_memory();
        } else if (word == "__shared__") {
            out += "static thread_local";
        } else if (word == "__global__") {
            const auto c = in.rfind("\"C\"", start);
            kernel(c != std::string::npos && trim(in.substr(c + 3, start - c - 3)).find_first_of(";{}") == std::string::npos);
        } else {
            out += word;
        }
    }

    std::string next_word() const {
        size_t i = at;
        while (i < in.size() && isspace((unsigned char)in[i])) i++;
        return word_at(i);
    }
};

}  // namespace

std::string translate(const std::string& preprocessed) {
    Translator translator{preprocessed, 0, ""};
    while (translator.at < preprocessed.size()) translator.step();
    return translator.out;
}

}  // namespace emulator
