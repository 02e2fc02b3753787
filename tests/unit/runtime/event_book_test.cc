#include "runtime/event_book.h"

#include <set>

#include <gtest/gtest.h>

namespace cloister::runtime {
namespace {

using std::chrono::minutes;

EventNote note(std::string reason = "Created", std::string message = "Created pod a",
               std::string uid = "u1") {
  EventNote made{.resource = kube::sandboxes, .reason = std::move(reason), .message = std::move(message)};
  made.object.namespace_ = "ns";
  made.object.name = "hello";
  made.object.uid = std::move(uid);
  return made;
}

class EventBookTest : public testing::Test {
 protected:
  EventBook::Write write(const EventNote& note) { return book.write(note, now, wall); }
  void pass(Duration duration) {
    now += duration;
    wall += duration;
  }

  EventBook book{"cloister-operator", "pod-1_x"};
  Instant now{minutes(100)};
  Time wall = Time(seconds(1'700'000'000));
};

TEST_F(EventBookTest, AnEventNamesItsObjectAndItsSource) {
  EventNote warning = note("Failed", "no image");
  warning.warning = true;
  const EventBook::Write made = write(warning);
  EXPECT_TRUE(made.create);
  EXPECT_EQ(made.key.namespace_, "ns");
  const std::map<std::string, std::string> expected{{"apiVersion", "v1"},
                                                    {"kind", "Event"},
                                                    {"metadata.name", made.key.name},
                                                    {"metadata.namespace", "ns"},
                                                    {"involvedObject.apiVersion", "cloister.dev/v1alpha1"},
                                                    {"involvedObject.kind", "Sandbox"},
                                                    {"involvedObject.namespace", "ns"},
                                                    {"involvedObject.name", "hello"},
                                                    {"involvedObject.uid", "u1"},
                                                    {"type", "Warning"},
                                                    {"reason", "Failed"},
                                                    {"message", "no image"},
                                                    {"firstTimestamp", "2023-11-14T22:13:20Z"},
                                                    {"lastTimestamp", "2023-11-14T22:13:20Z"},
                                                    {"source.component", "cloister-operator"},
                                                    {"reportingComponent", "cloister-operator"},
                                                    {"reportingInstance", "pod-1_x"}};
  for (const auto& [path, text] : expected) EXPECT_EQ(json::findString(made.body, path), text) << path;
  EXPECT_EQ(*json::find(made.body, "count"), 1);
}

TEST_F(EventBookTest, ARepetitionIsCounted) {
  const auto first = write(note());
  pass(minutes(1));
  const auto second = write(note());
  EXPECT_FALSE(second.create);
  EXPECT_EQ(second.key, first.key);
  EXPECT_EQ(second.body, (json::value{{"count", 2}, {"lastTimestamp", "2023-11-14T22:14:20Z"}}));
  EXPECT_EQ(*json::find(write(note()).body, "count"), 3);
}

TEST_F(EventBookTest, WhatDiffersIsAnotherEvent) {
  EventNote warning = note();
  warning.warning = true;
  std::set<kube::ObjectKey> keys;
  for (const EventNote& each :
       {note(), note("Deleted"), note("Created", "other"), note("Created", "Created pod a", "u2"), warning}) {
    const auto made = write(each);
    EXPECT_TRUE(made.create);
    keys.insert(made.key);
  }
  EXPECT_EQ(keys.size(), 5U);
}

TEST_F(EventBookTest, AfterALongTimeARepetitionIsANewEvent) {
  const auto first = write(note());
  pass(minutes(10));
  EXPECT_FALSE(write(note()).create) << "counted just yet";
  pass(minutes(10) + Duration(1));
  const auto second = write(note());
  EXPECT_TRUE(second.create);
  EXPECT_NE(second.key, first.key);
}

TEST_F(EventBookTest, WhatIsForgottenIsMadeAnew) {
  const auto first = write(note());
  book.forget(note());
  pass(Duration(1));
  const auto second = write(note());
  EXPECT_TRUE(second.create);
  EXPECT_NE(second.key, first.key);
}

TEST_F(EventBookTest, NamesOfTwoReplicasDiffer) {
  EventBook other{"cloister-operator", "pod-2_y"};
  EXPECT_NE(write(note()).key, other.write(note(), now, wall).key);
}

TEST_F(EventBookTest, NamesAreValidWhateverTheObjectsIs) {
  for (const std::string& name :
       {std::string(253, 'a'), std::string(239, 'a') + ".-b", std::string("hello")}) {
    EventNote odd = note();
    odd.object.name = odd.object.uid = name;
    const std::string made = write(odd).key.name;
    EXPECT_LE(made.size(), 253U);
    EXPECT_TRUE(made.starts_with(name.substr(0, 200)));
    EXPECT_EQ(made.find(".."), std::string::npos);
    EXPECT_EQ(made.find("-."), std::string::npos);
  }
}

TEST_F(EventBookTest, NamesAreCutAfterTheLastLetterOrDigit) {
  const std::string most(239, 'a');
  for (const char kept : {'a', 'z', '0', '9'}) {
    EventNote odd = note();
    odd.object.name = odd.object.uid = most + kept + "rest";
    EXPECT_TRUE(write(odd).key.name.starts_with(most + kept + ".")) << kept;
  }
  for (const char cut : {'-', ':', '`', '{', 'A'}) {  // Roles may have a colon in their names
    EventNote odd = note();
    odd.object.name = odd.object.uid = most + cut + "rest";
    EXPECT_TRUE(write(odd).key.name.starts_with(most + ".")) << cut;
  }
  EventNote none = note();
  none.object.name = none.object.uid = "::";
  EXPECT_TRUE(write(none).key.name.starts_with(".")) << "refused by the server, and no more than that";
}

TEST_F(EventBookTest, EventsOfClusterScopedObjectsAreInDefault) {
  EventNote node = note();
  node.resource = kube::nodes;
  node.object.namespace_ = "";
  const auto made = write(node);
  EXPECT_EQ(made.key.namespace_, "default");
  EXPECT_EQ(json::find(made.body, "involvedObject.namespace"), nullptr);
}

TEST_F(EventBookTest, LongTextIsCutBetweenCharacters) {
  std::string message(1023, 'a');
  message += "\u20ac";
  const auto made = write(note(std::string(200, 'R'), message));
  EXPECT_EQ(json::findString(made.body, "message"), std::string(1023, 'a'));
  EXPECT_EQ(json::findString(made.body, "reason").size(), 128U);
}

TEST_F(EventBookTest, AnObjectHasABurstAndThenOneInFiveMinutes) {
  int admitted = 0;
  for (int i = 0; i < 100; ++i) admitted += book.admit(note(), now) ? 1 : 0;
  EXPECT_EQ(admitted, 10);
  EXPECT_TRUE(book.admit(note("Created", "Created pod a", "u2"), now));  // another's share is its own
  pass(minutes(5) - Duration(1));
  EXPECT_FALSE(book.admit(note(), now));
  pass(Duration(1));
  EXPECT_TRUE(book.admit(note(), now));
  EXPECT_FALSE(book.admit(note(), now));
  pass(std::chrono::hours(24));
  admitted = 0;
  for (int i = 0; i < 100; ++i) admitted += book.admit(note(), now) ? 1 : 0;
  EXPECT_EQ(admitted, 10);
}

TEST_F(EventBookTest, RemembersNoMoreEventsThanItsBound) {
  const auto noteOf = [](size_t i) { return note("Created", "Created pod a", "u" + std::to_string(i)); };
  for (size_t i = 0; i <= EventBook::largest; ++i) {
    EXPECT_TRUE(write(noteOf(i)).create);
    pass(Duration(1));
  }
  EXPECT_FALSE(write(noteOf(1)).create);
  EXPECT_TRUE(write(noteOf(0)).create) << "the oldest is forgotten";
  EXPECT_TRUE(write(noteOf(2)).create) << "and then the next";
}

TEST_F(EventBookTest, ForgetsWhatIsOverBeforeWhatIsNot) {
  const auto noteOf = [](size_t i) { return note("Created", "Created pod a", "u" + std::to_string(i)); };
  for (size_t i = 0; i < EventBook::largest; ++i) {
    write(noteOf(i));
    if (i == 0) pass(Duration(1));
  }
  pass(minutes(10));
  write(noteOf(EventBook::largest));  // the first is over by now, all others are not just yet
  EXPECT_FALSE(write(noteOf(1)).create);
  EXPECT_FALSE(write(noteOf(EventBook::largest - 1)).create);
}

// Exhausts the share of u0, and then takes from those of as many others as are remembered beside it.
void takeFromAsManyAsAreRemembered(EventBook& book, Instant& now) {
  while (book.admit(note("Created", "Created pod a", "u0"), now)) {
  }
  for (size_t i = 1; i < EventBook::largest; ++i) {
    now += Duration(1);
    EXPECT_TRUE(book.admit(note("Created", "Created pod a", "u" + std::to_string(i)), now));
  }
}

TEST_F(EventBookTest, AnObjectThatIsKnownTakesNobodysPlace) {
  takeFromAsManyAsAreRemembered(book, now);
  EXPECT_TRUE(book.admit(note("Created", "Created pod a", "u1"), now));
  EXPECT_FALSE(book.admit(note("Created", "Created pod a", "u0"), now));
}

TEST_F(EventBookTest, RemembersNoMoreSharesThanItsBound) {
  takeFromAsManyAsAreRemembered(book, now);
  EXPECT_TRUE(book.admit(note("Created", "Created pod a", "another"), now));
  EXPECT_TRUE(book.admit(note("Created", "Created pod a", "u0"), now)) << "longest quiet, and forgotten";
}

}  // namespace
}  // namespace cloister::runtime
