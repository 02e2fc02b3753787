#include "tests/generated/walker.h"

namespace cloister::generated {
namespace {

using json::findString;
using json::object;
using json::value;

std::string ownerOf(const value& pod) {
  return findString(pod, "metadata.ownerReferences.0.uid");
}

std::string shortened(const std::string& text) {
  constexpr size_t longest = 600;
  return text.size() <= longest ? text : text.substr(0, longest) + "...";
}

// Where two texts begin to differ, with what comes before.
std::string difference(const std::string& one, const std::string& other) {
  const auto at = size_t(std::ranges::mismatch(one, other).in1 - one.begin());
  const size_t begin = at < 60 ? 0 : at - 60;
  return shortened(one.substr(begin, 200)) + "\n    and " + shortened(other.substr(begin, 200));
}

}  // namespace

void Walker::walk(const std::vector<Course>& courses) {
  std::vector<Traveller> travellers;
  size_t longest = 0;
  for (const Course& course : courses) {
    travellers.push_back({.course = &course, .name = "walker-" + std::to_string(++names_)});
    longest = std::max(longest, course.stops.size());
  }
  for (size_t stop = 0; stop < longest; ++stop) {
    for (Traveller& traveller : travellers) applyStop(traveller, stop);
    settle(travellers);
  }
  removeAll(travellers);
}

std::vector<Course> Walker::shortcuts() const {
  std::vector<Course> courses;
  for (const auto& [text, known] : known_) {
    if (!known.direct)
      courses.push_back({known.whose + ", directly", {{.name = "created", .value = *json::parse(text)}}});
  }
  return courses;
}

void Walker::find(const Traveller& traveller, const std::string& what) {
  const std::string where =
      traveller.at != nullptr ? " (" + traveller.at->path + " " + traveller.at->name + ")" : "";
  findings_.push_back(traveller.course->name + where + ": " + shortened(what));
}

// Nothing where there is no way back any more.
std::optional<value> Walker::specAt(Traveller& traveller, const Stop& stop) const {
  switch (stop.kind) {
    case Stop::Kind::Whole:
      return stop.value.value_or(nullptr);
    case Stop::Kind::Change:
      return changed(traveller.trail.empty() ? value(object()) : traveller.trail.back(), schema_, stop.path,
                     stop.value);
    case Stop::Kind::Back:
      if (traveller.trail.size() < 2) return std::nullopt;
      traveller.trail.pop_back();
      return traveller.trail.back();
  }
  return std::nullopt;
}

void Walker::applyStop(Traveller& traveller, size_t number) {
  traveller.at = nullptr;
  if (number >= traveller.course->stops.size()) return;
  const Stop& stop = traveller.course->stops[number];
  const auto spec = specAt(traveller, stop);
  if (!spec) return;
  ++stops_;
  traveller.at = &stop;
  const Answer answer = world_.apply(traveller.name, *spec);
  traveller.isNew = answer.status == 201;
  if (world_.validates()) {
    if (std::string what = misjudged(answer, schema_, stop.path, *spec); !what.empty()) find(traveller, what);
  }
  (answer.accepted ? taken_ : refused_).insert(stop.path);
  if (!answer.accepted) {
    traveller.at = nullptr;
    return;
  }
  const value* stored = json::find(answer.body, "spec");
  traveller.spec = stored != nullptr ? *stored : value(nullptr);
  if (stop.kind != Stop::Kind::Back) traveller.trail.push_back(traveller.spec);
}

std::map<std::string, View> Walker::views(const std::vector<Traveller>& travellers) {
  std::map<std::string, Object> pods;
  std::map<std::string, Object> policies;
  std::map<std::string, Object> sandboxes;
  for (const Object& pod : world_.list("pods")) pods[ownerOf(*pod)] = pod;
  for (const Object& policy : world_.list("networkpolicies"))
    policies[findString(*policy, "metadata.name")] = policy;
  for (const Object& sandbox : world_.list("sandboxes"))
    sandboxes[findString(*sandbox, "metadata.name")] = sandbox;
  std::map<std::string, View> out;
  for (const Traveller& traveller : travellers) {
    View view{.sandbox = sandboxes[traveller.name], .pod = {}, .policy = {}, .spec = traveller.spec};
    if (view.sandbox) view.pod = pods[findString(*view.sandbox, "metadata.uid")];
    if (view.pod) {
      const value* labels = json::find(*view.pod, "metadata.labels");
      const value* profile = labels->as_object().if_contains("cloister.dev/network");
      if (profile != nullptr) view.policy = policies["cloister-net-" + std::string(profile->as_string())];
    }
    out.emplace(traveller.name, std::move(view));
  }
  return out;
}

void Walker::settle(std::vector<Traveller>& travellers) {
  std::map<std::string, View> seen;
  const auto wrong = [&](const Traveller& traveller) {
    return traveller.at == nullptr ? std::string() : unsettled(seen.at(traveller.name));
  };
  const bool settled = world_.waitUntil([&] {
    seen = views(travellers);
    return std::ranges::all_of(travellers, [&](const auto& traveller) { return wrong(traveller).empty(); });
  });
  if (!settled) {
    for (const Traveller& traveller : travellers) {
      if (std::string what = wrong(traveller); !what.empty()) find(traveller, what);
    }
  }
  if (!world_.rest()) findings_.push_back("writes go on although nothing happens");
  for (const std::string& complaint : world_.complaints()) findings_.push_back(complaint);
  seen = views(travellers);
  for (Traveller& traveller : travellers) {
    if (traveller.at != nullptr) look(traveller, seen.at(traveller.name));
  }
}

void Walker::look(Traveller& traveller, const View& view) {
  if (!view.sandbox) traveller.madeWith = nullptr;
  if (view.pod && traveller.madeWith.is_null()) traveller.madeWith = fixedPart(traveller.spec);
  // What ran before is not stopped by a refusal, and keeps what its pod was made with.
  const bool asMade = !view.pod || traveller.madeWith == fixedPart(traveller.spec);
  const bool whole = isAccepted(view) && asMade;
  // Whether a short ttl has run out depends on what ran before: that an end is right, unsettled() has seen.
  if (view.sandbox) compare(traveller, view, whole);
  if (view.sandbox && view.pod) {
    if (std::string what = unfenced(view); !what.empty())
      find(traveller, "the pod is not fenced in: " + what);
  }
  if (!whole || !view.pod || !world_.validates()) return;
  if (std::string what = unreflected(view); !what.empty()) find(traveller, "the pod does not show " + what);
}

void Walker::compare(const Traveller& traveller, const View& view, bool whole) {
  Known& known = known_[json::printSorted(traveller.spec)];
  known.direct |= traveller.isNew;
  for (const bool all : {false, true}) {
    if (all && !whole) continue;
    std::string& first = all ? known.whole : known.word;
    const std::string now = essence(view, all);
    if (first.empty()) {
      first = now;
      known.whose = traveller.course->name;
    } else if (first != now) {
      find(traveller, "differs from " + known.whose + ":\n    " + difference(now, first));
      return;
    }
  }
}

void Walker::removeAll(const std::vector<Traveller>& travellers) {
  for (const Traveller& traveller : travellers) world_.remove(traveller.name);
  const bool gone =
      world_.waitUntil([&] { return world_.list("sandboxes").empty() && world_.list("pods").empty(); });
  if (!gone) findings_.push_back("something outlives its Sandbox");
}

}  // namespace cloister::generated
