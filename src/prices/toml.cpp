#include "prices/toml.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>

namespace
{

/* Positions of toml++ are lines and columns, the latter in characters: where each line begins, and every 64th character
 * of it, so that a table in one long line is not counted through for each of its numbers. */
class source_text
{
  public:
    explicit source_text(std::string_view text) : text_(text)
    {
        size_t column = 0;
        lines_.push_back(0);
        for (size_t at = 0; at < text.size(); at++) {
            if (is_inside(text[at]))
                continue;
            if (column++ % STEP == 0)
                marks_.push_back(at);
            if (text[at] == '\n') {
                lines_.push_back(marks_.size());
                column = 0;
            }
        }
        marks_.push_back(text.size());
    }

    /* The characters of a number: the region, which must hold all of it. */
    std::string_view number(const toml::source_region &region) const
    {
        size_t begin = offset(region.begin), end = offset(region.end);
        bool whole = end > begin && (begin == 0 || !is_of_number(text_[begin - 1]))
                     && (end >= text_.size() || !is_of_number(text_[end]));
        return whole ? text_.substr(begin, end - begin) : std::string_view{};
    }

  private:
    static bool is_of_number(char c)
    {
        return (c >= '0' && c <= '9') || std::strchr("+-._eE", c) != nullptr;
    }

    /* Not the first byte of a character. */
    static bool is_inside(char c)
    {
        return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
    }

    size_t offset(const toml::source_position &position) const
    {
        if (position.line == 0 || position.column == 0 || position.line > lines_.size())
            return text_.size();
        size_t mark = lines_[position.line - 1] + (position.column - 1) / STEP;
        size_t at = mark < marks_.size() ? marks_[mark] : text_.size();
        for (size_t left = (position.column - 1) % STEP; left > 0 && at < text_.size(); left--)
            for (at++; at < text_.size() && is_inside(text_[at]);)
                at++;
        return at;
    }

    static constexpr size_t STEP = 64;
    std::string_view text_;
    std::vector<size_t> lines_; // places in marks_
    std::vector<size_t> marks_;
};

void put_string(std::string &out, std::string_view text)
{
    out += '"';
    for (char c : text) {
        if (c == '"' || c == '\\')
            out += '\\';
        if (static_cast<unsigned char>(c) >= 0x20) {
            out += c;
            continue;
        }
        char escape[8];
        std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(c));
        out += escape;
    }
    out += '"';
}

/* The digits as they stand in the text, in JSON's form: without underscores and without a plus in front. */
void put_float(std::string &out, const source_text &source, const toml::value<double> &value)
{
    if (!std::isfinite(value.get())) {
        out += "1e999";
        return;
    }
    std::string digits;
    for (char c : source.number(value.source()))
        if (c != '_')
            digits += c;
    if (!digits.empty() && digits[0] == '+')
        digits.erase(0, 1);
    char *end = nullptr;
    double same = std::strtod(digits.c_str(), &end);
    if (digits.empty() || *end != '\0' || same != value.get())
        throw std::runtime_error("a float could not be found in the text");
    out += digits;
}

template <typename T> void put_printed(std::string &out, const T &value)
{
    std::ostringstream text;
    text << value;
    put_string(out, text.str());
}

void put_node(std::string &out, const source_text &source, const toml::node &node)
{
    bool first = true;
    switch (node.type()) {
    case toml::node_type::table:
        out += '{';
        for (auto &&[key, member] : *node.as_table()) {
            out += first ? "" : ",";
            first = false;
            put_string(out, key.str());
            out += ':';
            put_node(out, source, member);
        }
        out += '}';
        break;
    case toml::node_type::array:
        out += '[';
        for (auto &&member : *node.as_array()) {
            out += first ? "" : ",";
            first = false;
            put_node(out, source, member);
        }
        out += ']';
        break;
    case toml::node_type::string:
        put_string(out, node.as_string()->get());
        break;
    case toml::node_type::integer:
        out += std::to_string(node.as_integer()->get());
        break;
    case toml::node_type::floating_point:
        put_float(out, source, *node.as_floating_point());
        break;
    case toml::node_type::boolean:
        out += node.as_boolean()->get() ? "true" : "false";
        break;
    case toml::node_type::date:
        put_printed(out, node.as_date()->get());
        break;
    case toml::node_type::time:
        put_printed(out, node.as_time()->get());
        break;
    case toml::node_type::date_time:
        put_printed(out, node.as_date_time()->get());
        break;
    default:
        out += "null";
        break;
    }
}

void set_fault(toml_fault *fault, std::string_view what, size_t line, size_t column)
{
    std::snprintf(fault->what, sizeof fault->what, "%.*s", static_cast<int>(what.size()), what.data());
    fault->line = line;
    fault->column = column;
}

} // namespace

char *toml_to_json(const char *text, size_t size, toml_fault *fault)
{
    try {
        std::string_view all(text, size);
        if (all.substr(0, 3) == "\xef\xbb\xbf") // a byte order mark, which columns do not count
            all.remove_prefix(3);
        source_text source(all);
        std::string out;
        toml::table root = toml::parse(all);
        put_node(out, source, root);
        return strdup(out.c_str());
    } catch (const toml::parse_error &error) {
        set_fault(fault, error.description(), error.source().begin.line, error.source().begin.column);
    } catch (const std::exception &error) {
        set_fault(fault, error.what(), 1, 1);
    }
    return nullptr;
}
