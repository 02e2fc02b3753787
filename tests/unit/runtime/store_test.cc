#include "runtime/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/runtime/thing.h"

namespace cloister::runtime::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class StoreTest : public testing::Test {
 protected:
  StoreTest() {
    store.addIndex("colour", [](const Thing& thing) { return std::vector{thing.spec.colour}; });
    store.onChange([this](const auto& before, const auto& after) {
      seen.push_back((before ? before->metadata.resourceVersion : "-") + ">" +
                     (after ? after->metadata.resourceVersion : "-"));
    });
  }

  // "name@version" of each object.
  std::vector<std::string> contents() const { return names(store.all()); }
  std::vector<std::string> byColour(const std::string& colour) const {
    return names(store.byIndex("colour", colour));
  }
  std::vector<std::string> takeSeen() { return std::exchange(seen, {}); }

  static std::vector<std::string> names(const std::vector<Store<Thing>::Pointer>& things) {
    std::vector<std::string> texts;
    for (const auto& thing : things)
      texts.push_back(thing->metadata.name + "@" + thing->metadata.resourceVersion);
    return texts;
  }

  Store<Thing> store;
  std::vector<std::string> seen;
};

TEST(VersionNumberTest, ReadsDecimalsAndNothingElse) {
  EXPECT_EQ(versionNumber("0"), 0U);
  EXPECT_EQ(versionNumber("123"), 123U);
  EXPECT_EQ(versionNumber("18446744073709551615"), UINT64_MAX);
  for (const char* bad : {"", "-1", "+1", "12a", " 1", "18446744073709551616", "0x10"}) {
    EXPECT_EQ(versionNumber(bad), 0U) << bad;
  }
}

TEST_F(StoreTest, KnowsUpToWhichVersionTheWatchHasTold) {
  EXPECT_EQ(store.watchedUpTo("ns"), 0U);
  store.replace("", {thing("a", 3)}, "7");
  EXPECT_EQ(store.watchedUpTo("ns"), 7U);
  store.put(thing("a", 9));
  store.erase(thing("a", 10));
  store.learn(thing("b", 20));
  EXPECT_EQ(store.watchedUpTo("ns"), 10U) << "an answer to a request is not the watch";
  store.reached("", "30");
  EXPECT_EQ(store.watchedUpTo("ns"), 30U);
  store.learn(thing("c", 29));
  EXPECT_THAT(contents(), ElementsAre("b@20")) << "the watch has told what became of it";
  store.reached("", "5");
  EXPECT_EQ(store.watchedUpTo("ns"), 30U);
}

TEST_F(StoreTest, KnowsItByNamespaceWhereEachHasAWatch) {
  store.replace("ns", {thing("a", 3)}, "7");
  store.replace("elsewhere", {}, "8");
  store.reached("elsewhere", "12");
  EXPECT_EQ(store.watchedUpTo("ns"), 7U);
  EXPECT_EQ(store.watchedUpTo("elsewhere"), 12U);
}

TEST_F(StoreTest, KnowsTheNewestThatItWasToldOf) {
  EXPECT_EQ(store.newestTold("ns"), 0U);
  store.replace("", {thing("a", 3), thing("b", 2)}, "7");
  EXPECT_EQ(store.newestTold("ns"), 3U) << "a list's own version is no object's";
  store.reached("", "9");
  store.learn(thing("c", 20));
  EXPECT_EQ(store.newestTold("ns"), 3U);
  store.put(thing("b", 10));
  EXPECT_EQ(store.newestTold("ns"), 10U);
  store.erase(thing("b", 12));
  EXPECT_EQ(store.newestTold("ns"), 12U);
  store.replace("", {thing("a", 3)}, "15");
  EXPECT_EQ(store.newestTold("ns"), 12U) << "a deletion stays told";
  store.replace("", {thing("a", 3)}, "6");
  EXPECT_EQ(store.newestTold("ns"), 3U) << "etcd was restored";
}

TEST_F(StoreTest, GivesWhatIsInANamespace) {
  store.replace("", {thing("a", 3), in("n", thing("b", 4)), in("ns2", thing("c", 5)), thing("d", 6)}, "7");
  EXPECT_THAT(names(store.inNamespace("ns")), ElementsAre("a@3", "d@6"));
  EXPECT_THAT(names(store.inNamespace("none")), IsEmpty());
}

TEST_F(StoreTest, FollowsTheWatch) {
  store.replace("", {thing("a", 3), thing("b", 5)}, "7");
  EXPECT_THAT(contents(), ElementsAre("a@3", "b@5"));
  store.put(thing("c", 8));
  store.put(thing("a", 9));
  store.erase(thing("b", 10));
  EXPECT_THAT(contents(), ElementsAre("a@9", "c@8"));
  EXPECT_EQ(store.get({"ns", "a"})->metadata.resourceVersion, "9");
  EXPECT_EQ(store.get({"ns", "b"}), nullptr);
  EXPECT_EQ(store.get({"elsewhere", "a"}), nullptr);
  EXPECT_THAT(takeSeen(), ElementsAre("->3", "->5", "->8", "3>9", "5>-"));
}

TEST_F(StoreTest, AListReplacesEverythingAndTellsOnlyWhatChanged) {
  store.replace("", {thing("a", 1), thing("b", 2), thing("c", 3)}, "3");
  takeSeen();
  store.replace("", {thing("a", 1), thing("b", 5)}, "6");
  EXPECT_THAT(contents(), ElementsAre("a@1", "b@5"));
  EXPECT_THAT(takeSeen(), ElementsAre("2>5", "3>-"));
}

TEST_F(StoreTest, IndexesFollow) {
  store.replace("", {thing("a", 1, "red"), thing("b", 2, "red")}, "2");
  store.put(thing("a", 3, "blue"));
  EXPECT_THAT(byColour("red"), ElementsAre("b@2"));
  EXPECT_THAT(byColour("blue"), ElementsAre("a@3"));
  store.put(thing("b", 4, "blue"));
  EXPECT_THAT(byColour("red"), IsEmpty());
  EXPECT_THAT(byColour("blue"), ElementsAre("a@3", "b@4"));
  store.erase(thing("a", 5));
  EXPECT_THAT(byColour("blue"), ElementsAre("b@4"));
  store.replace("", {}, "9");
  EXPECT_THAT(byColour("blue"), IsEmpty());
}

TEST_F(StoreTest, AnObjectCanStandUnderSeveralValuesOrOneTwice) {
  Store<Thing> several;
  several.addIndex("letters", [](const Thing& thing) {
    std::vector<std::string> letters;
    for (char c : thing.spec.colour) letters.emplace_back(1, c);
    return letters;
  });
  several.put(thing("c", 1, "xx"));
  several.erase(thing("c", 1));
  EXPECT_THAT(several.byIndex("letters", "x"), IsEmpty());
  several.put(thing("a", 1, "oo"));
  several.put(thing("b", 2, "or"));
  EXPECT_THAT(names(several.byIndex("letters", "o")), ElementsAre("a@1", "b@2"));
  several.erase(thing("a", 3));
  EXPECT_THAT(names(several.byIndex("letters", "o")), ElementsAre("b@2"));
}

TEST_F(StoreTest, ObserversSeeTheChangedStore) {
  std::vector<size_t> sizes;
  store.onChange([&](const auto&, const auto&) { sizes.push_back(store.size()); });
  store.replace("", {thing("a", 1), thing("b", 2)}, "2");
  store.erase(thing("a", 3));
  EXPECT_THAT(sizes, ElementsAre(2, 2, 1));  // a list is in place before anybody hears of it
}

TEST_F(StoreTest, APointerOutlivesItsObject) {
  store.put(thing("a", 1));
  const auto held = store.get({"ns", "a"});
  store.erase(thing("a", 2));
  EXPECT_EQ(held->metadata.resourceVersion, "1");
}

// agent-sandbox filled its pool 5 to 10 times over: it counted before the watch had brought what it had just
// created.
TEST_F(StoreTest, OwnWritesCountBeforeTheWatchBringsThem) {
  store.replace("", {}, "10");
  store.learn(thing("warm-1", 11, "red"));
  store.learn(thing("warm-2", 12, "red"));
  EXPECT_EQ(byColour("red").size(), 2U);
  takeSeen();
  store.put(thing("warm-1", 11, "red"));  // the watch comes along: nothing new
  store.put(thing("warm-2", 12, "red"));
  EXPECT_THAT(takeSeen(), IsEmpty());
}

// AlreadyExists from a lagging cache: a list from before our POST must not hide what we made.
TEST_F(StoreTest, AListFromBeforeAnOwnWriteKeepsIt) {
  store.replace("", {thing("old", 3)}, "10");
  store.learn(thing("made", 15));
  store.learn(thing("old", 16));
  store.replace("", {thing("old", 3)}, "12");
  EXPECT_THAT(contents(), ElementsAre("made@15", "old@16"));
  store.replace("", {thing("old", 16)}, "20");  // a list from after it that lacks it: it is gone
  EXPECT_THAT(contents(), ElementsAre("old@16"));
}

TEST_F(StoreTest, AListFromBeforeAnOwnWriteOfANewStoreKeepsIt) {
  store.learn(thing("made", 15));
  store.replace("", {}, "12");
  EXPECT_THAT(contents(), ElementsAre("made@15"));
}

// A newer status overwritten by a stale one.
TEST_F(StoreTest, TheWatchDoesNotTakeBackAnOwnWriteThatOvertookIt) {
  store.replace("", {thing("a", 3, "red")}, "3");
  store.learn(thing("a", 8, "blue"));
  store.put(thing("a", 5, "green"));
  EXPECT_THAT(byColour("blue"), ElementsAre("a@8"));
  store.put(thing("a", 9, "black"));
  EXPECT_THAT(contents(), ElementsAre("a@9"));
  EXPECT_THAT(takeSeen(), ElementsAre("->3", "3>8", "8>9"));
}

TEST_F(StoreTest, AnAnswerThatTheWatchOvertookIsIgnored) {
  store.replace("", {}, "3");
  store.put(thing("a", 5));
  store.put(thing("a", 6));
  store.learn(thing("a", 5));
  EXPECT_THAT(contents(), ElementsAre("a@6"));
}

TEST_F(StoreTest, OfTwoAnswersTheNewerCountsInWhateverOrder) {
  store.replace("", {}, "3");
  store.learn(thing("a", 9));
  store.learn(thing("a", 8));
  EXPECT_THAT(contents(), ElementsAre("a@9"));
}

TEST_F(StoreTest, AnAnswerDoesNotBringBackWhatWasDeletedMeanwhile) {
  store.replace("", {}, "3");
  store.put(thing("a", 5));
  store.erase(thing("a", 7));
  store.learn(thing("a", 6));  // our patch, carried out just before somebody's deletion
  EXPECT_THAT(contents(), IsEmpty());
}

TEST_F(StoreTest, AnAnswerDoesNotBringBackWhatAListFromAfterItLacks) {
  store.replace("", {thing("a", 2)}, "3");
  store.replace("", {}, "8");
  store.learn(thing("a", 6));
  EXPECT_THAT(contents(), IsEmpty());
}

TEST_F(StoreTest, EachNamespaceHasItsOwnPlaceInTheHistory) {
  store.replace("one", {}, "100");
  store.replace("two", {}, "10");
  store.learn(
      in("two", thing("a", 50)));  // the watch of "two" has not told of 50 yet, far as that of "one" may be
  EXPECT_THAT(contents(), ElementsAre("a@50"));
  store.learn(in("one", thing("b", 50)));
  EXPECT_THAT(contents(), ElementsAre("a@50"));
}

TEST_F(StoreTest, AListOfOneNamespaceLeavesTheOthersAlone) {
  store.replace("one", {in("one", thing("a", 1))}, "2");
  store.replace("two", {in("two", thing("b", 2))}, "2");
  store.replace("one", {}, "3");
  EXPECT_THAT(contents(), ElementsAre("b@2"));
}

TEST_F(StoreTest, ADeletionEndsItsUidWhateverItsVersionSays) {
  store.replace("", {thing("a", 3)}, "3");
  store.learn(thing("a", 8));
  store.erase(thing("a", 3));  // servers before 1.9 gave the last version, not that of the deletion
  EXPECT_THAT(contents(), IsEmpty());
}

TEST_F(StoreTest, ALateDeletionLeavesTheSuccessorOfTheSameName) {
  store.replace("", {thing("a", 3, "red", "first")}, "3");
  store.learn(thing("a", 9, "red", "second"));
  store.erase(thing("a", 8, "red", "first"));
  ASSERT_NE(store.get({"ns", "a"}), nullptr);
  EXPECT_EQ(store.get({"ns", "a"})->metadata.uid, "second");
}

TEST_F(StoreTest, ADeletionEndsAPredecessorOfAnotherUidToo) {
  store.replace("", {thing("a", 3, "red", "first")}, "3");
  store.erase(thing("a", 8, "red", "second"));
  EXPECT_THAT(contents(), IsEmpty());
}

TEST_F(StoreTest, ASuccessorOfTheSameNameReplacesItsPredecessor) {
  store.replace("", {thing("a", 3, "red", "first")}, "3");
  takeSeen();
  store.put(thing("a", 6, "blue", "second"));
  EXPECT_THAT(byColour("red"), IsEmpty());
  EXPECT_THAT(byColour("blue"), ElementsAre("a@6"));
  EXPECT_THAT(takeSeen(), ElementsAre("3>6"));
}

TEST_F(StoreTest, ARepeatedEventChangesNothing) {
  store.replace("", {thing("a", 3)}, "3");
  takeSeen();
  store.put(thing("a", 3));
  store.erase(thing("gone", 2));
  store.put(thing("a", 2));
  EXPECT_THAT(contents(), ElementsAre("a@3"));
  EXPECT_THAT(takeSeen(), IsEmpty());
}

TEST_F(StoreTest, AListOfARestoredEtcdIsTheTruth) {
  store.replace("", {thing("a", 100), thing("b", 101)}, "101");
  store.learn(thing("c", 102));
  store.replace("", {thing("a", 40)}, "50");
  EXPECT_THAT(contents(), ElementsAre("a@40"));
  store.put(thing("b", 51));
  store.learn(thing("c", 52));
  EXPECT_THAT(contents(), ElementsAre("a@40", "b@51", "c@52"));
}

TEST_F(StoreTest, AListOfTheVeryVersionThatTheWatchReachedKeepsAnOwnWriteAfterIt) {
  store.replace("", {}, "5");
  store.put(thing("a", 7));
  store.learn(thing("made", 9));
  store.replace("", {thing("a", 7)}, "7");
  EXPECT_THAT(contents(), ElementsAre("a@7", "made@9"));
}

TEST_F(StoreTest, WhatAListOfItsVeryVersionLacksIsGone) {
  store.replace("", {thing("a", 3), thing("b", 5)}, "5");
  store.replace("", {thing("a", 3)}, "5");
  EXPECT_THAT(contents(), ElementsAre("a@3"));
  store.learn(thing("c", 5));
  EXPECT_THAT(contents(), ElementsAre("a@3"));
}

TEST_F(StoreTest, EveryEventTellsHowFarTheWatchIs) {
  store.replace("", {}, "3");
  store.put(thing("a", 9));
  store.learn(thing("b", 8));  // had it stayed, the watch would have brought it before a
  EXPECT_THAT(contents(), ElementsAre("a@9"));
}

TEST_F(StoreTest, AfterARestoreTheSameVersionMayBeAnotherObject) {
  store.replace("", {thing("a", 7, "red", "first")}, "9");
  store.replace("", {thing("a", 7, "blue", "second")}, "8");
  EXPECT_THAT(byColour("blue"), ElementsAre("a@7"));
  store.put(thing("a", 7, "black", "third"));
  EXPECT_THAT(byColour("black"), ElementsAre("a@7"));
}

TEST_F(StoreTest, AnAnswerWithoutAVersionTeachesNothing) {
  store.replace("", {}, "1");
  Thing dryRun = thing("a", 0);
  dryRun.metadata.resourceVersion = "";
  store.learn(dryRun);
  EXPECT_THAT(contents(), IsEmpty());
}

}  // namespace
}  // namespace cloister::runtime::test
