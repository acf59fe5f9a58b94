#include "fuzz/hostile/report.h"

#include <algorithm>
#include <cstdio>

#include "nlohmann/json.hpp"

namespace isthmus::hostile {
namespace {

const char* Word(Verdict::Kind kind) {
  return kind == Verdict::kPass ? "pass" : kind == Verdict::kFail ? "fail" : "not applicable";
}

// For XML; bytes that XML 1.0 does not know become '?'.
std::string Escape(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out.push_back(c >= 0x20 && c < 0x7f ? c : '?');
    }
  }
  return out;
}

std::string Printable(std::string text) {
  for (char& c : text) c = c >= 0x20 && c < 0x7f ? c : '?';
  return text;
}

}  // namespace

void Report::Add(const Case& test, const std::vector<std::string>& variations,
                 const std::vector<Verdict>& verdicts, double seconds) {
  Row row{&test, Verdict::kNotApplicable, "", 0, seconds};
  for (size_t i = 0; i < verdicts.size(); ++i) {
    const Verdict& verdict = verdicts[i];
    if (verdict.kind == Verdict::kNotApplicable) {
      if (row.kind == Verdict::kNotApplicable && row.text.empty()) row.text = verdict.text;
      continue;
    }
    ++row.runs;
    if (verdict.kind == Verdict::kFail && row.kind != Verdict::kFail) {
      row.kind = Verdict::kFail;
      row.text = variations[i] + ": " + verdict.text;
    } else if (verdict.kind == Verdict::kPass && row.kind == Verdict::kNotApplicable) {
      row.kind = Verdict::kPass;
      row.text.clear();
    }
  }
  row.text = Printable(row.text);
  rows_.push_back(std::move(row));
}

int Report::Count(Verdict::Kind kind) const {
  return static_cast<int>(
      std::count_if(rows_.begin(), rows_.end(), [&](const Row& row) { return row.kind == kind; }));
}

std::string Report::Line() const {
  const Row& row = rows_.back();
  char line[160];
  std::snprintf(line, sizeof line, "%-48s %-14s %3d runs %6.2f s  ", row.test->name,
                row.kind == Verdict::kFail ? "FAIL" : Word(row.kind), row.runs, row.seconds);
  return line + (row.text.empty() ? std::string("section ") + row.test->clause : row.text);
}

std::string Report::Summary() const {
  return peer_ + ": " + std::to_string(passed()) + " passed, " + std::to_string(failed()) +
         " failed, " + std::to_string(Count(Verdict::kNotApplicable)) + " not applicable";
}

std::string Report::Json() const {
  nlohmann::json tests = nlohmann::json::array();
  for (const Row& row : rows_) {
    tests.push_back({{"name", row.test->name},
                     {"clause", row.test->clause},
                     {"what", row.test->what},
                     {"required", row.test->required},
                     {"verdict", Word(row.kind)},
                     {"text", row.text},
                     {"runs", row.runs},
                     {"seconds", row.seconds}});
  }
  const nlohmann::json all = {{"peer", peer_},
                              {"passed", passed()},
                              {"failed", failed()},
                              {"not_applicable", Count(Verdict::kNotApplicable)},
                              {"tests", tests}};
  return all.dump(1) + "\n";
}

std::string Report::JUnit() const {
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n";
  out += "<testsuite name=\"iscsi_hostile " + Escape(peer_) + "\" tests=\"" +
         std::to_string(rows_.size()) + "\" failures=\"" + std::to_string(failed()) +
         "\" skipped=\"" + std::to_string(Count(Verdict::kNotApplicable)) + "\">\n";
  for (const Row& row : rows_) {
    const std::string name = row.test->name;
    const size_t dot = name.rfind('.');
    char time[32];
    std::snprintf(time, sizeof time, "%.3f", row.seconds);
    out += "<testcase classname=\"" + Escape(name.substr(0, dot)) + "\" name=\"" +
           Escape(name.substr(dot + 1)) + "\" time=\"" + time + "\">";
    if (row.kind == Verdict::kFail) {
      out += "<failure message=\"" + Escape(row.text) + "\">section " + Escape(row.test->clause) +
             ": " + Escape(row.test->what) + "</failure>";
    } else if (row.kind == Verdict::kNotApplicable) {
      out += "<skipped message=\"" + Escape(row.text) + "\"/>";
    }
    out += "</testcase>\n";
  }
  return out + "</testsuite>\n</testsuites>\n";
}

}  // namespace isthmus::hostile
