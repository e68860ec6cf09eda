/* The storage contract, kept by a standalone MongoDB. */
#define STORE_MONGO_KIND MONGOD_STANDALONE
#include "support/store_mongo.h"
