// Takes Sandboxes along their courses, many at a time, and looks at each stop whether all is as it must be.
#pragma once

#include <map>
#include <set>

#include "tests/generated/course.h"
#include "tests/generated/oracles.h"

namespace cloister::generated {

class Walker {
 public:
  Walker(World& world, const Schema& schema) : world_(world), schema_(schema) {}

  // All COURSES in step. Their Sandboxes are removed in the end.
  void walk(const std::vector<Course>& courses);

  // Of each spec that was only ever reached by a change: a Sandbox created with it.
  std::vector<Course> shortcuts() const;

  const std::vector<std::string>& findings() const { return findings_; }
  // Properties of which some value was taken, or refused, by the API server.
  const std::set<std::string>& taken() const { return taken_; }
  const std::set<std::string>& refused() const { return refused_; }
  size_t stops() const { return stops_; }

 private:
  struct Traveller {
    const Course* course;
    std::string name;
    json::value spec = nullptr;           // as it is stored
    std::vector<json::value> trail = {};  // what the API server took, for the way back
    json::value madeWith = nullptr;       // the fixed part when the pod was made
    const Stop* at = nullptr;             // null: the API server refused it, or the course is over
    bool isNew = false;                   // it was created there
  };

  std::optional<json::value> specAt(Traveller& traveller, const Stop& stop) const;
  void applyStop(Traveller& traveller, size_t number);
  void settle(std::vector<Traveller>& travellers);
  void look(Traveller& traveller, const View& view);
  void compare(const Traveller& traveller, const View& view, bool whole);
  void removeAll(const std::vector<Traveller>& travellers);
  std::map<std::string, View> views(const std::vector<Traveller>& travellers);
  void find(const Traveller& traveller, const std::string& what);

  // The first that was seen of a spec, and whose.
  struct Known {
    std::string word;
    std::string whole;  // empty: not seen yet
    std::string whose;
    bool direct = false;  // a Sandbox was created with it
  };

  World& world_;
  const Schema& schema_;
  std::vector<std::string> findings_;
  std::set<std::string> taken_;
  std::set<std::string> refused_;
  std::map<std::string, Known> known_;  // by the spec's text
  size_t stops_ = 0;
  size_t names_ = 0;
};

}  // namespace cloister::generated
