// What an API server does to objects that are written or deleted, whoever asks. Pure.
#pragma once

#include "tests/support/apiserver/storage.h"

namespace cloister::test {

json::object& metadataOf(json::value& object);

bool isLeaving(const json::value& object);  // its deletion has begun
bool hasFinalizers(const json::value& object);
bool gainsFinalizers(const json::value& before, const json::value& after);
void addFinalizer(json::value& object, const char* name);
void beginDeletion(json::value& object, Time end);
// Seconds to live for a pod that is to go; none for what goes at once.
int64_t graceOf(const ObjectId& id, const json::value& object, const json::value& options);

// What the server alone decides is in NEXT as in CURRENT.
void keepOwn(const json::value& current, json::value& next);
void keepStatus(const json::value& current, json::value& next);
// NEXT is of another generation if it differs from CURRENT in more than metadata and status.
void countGeneration(const json::value& current, json::value& next);

}  // namespace cloister::test
