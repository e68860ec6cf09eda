/* The storage contract, kept by a replica set of three. */
#define STORE_MONGO_KIND MONGOD_REPLICA_SET
#include "support/store_mongo.h"
