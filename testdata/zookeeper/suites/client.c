/* What Apache's C client (libzookeeper_mt) does with a server: client HOST:PORT. Prints a line for
   each check, and how many of them are as they should be. */

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zookeeper/zookeeper.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int connected;
static char events[64][128];
static int event_count;
static int passed, checks;

static void watcher(zhandle_t *handle, int type, int state, const char *path, void *context) {
    (void)handle;
    (void)context;
    pthread_mutex_lock(&lock);
    if (type == ZOO_SESSION_EVENT) {
        connected = state == ZOO_CONNECTED_STATE;
    } else if (event_count < 64) {
        snprintf(events[event_count++], sizeof events[0], "%d %s", type, path);
    }
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static zhandle_t *reach(const char *address, const clientid_t *id) {
    connected = 0;
    zhandle_t *handle = zookeeper_init(address, watcher, 30000, id, NULL, 0);
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 30;
    pthread_mutex_lock(&lock);
    while (!connected && pthread_cond_timedwait(&changed, &lock, &until) == 0) {
    }
    pthread_mutex_unlock(&lock);
    return handle;
}

static void check(const char *what, int found, int expected) {
    checks++;
    passed += found == expected;
    printf("%s %s: %d\n", found == expected ? "ok" : "FAILED", what, found);
}

/* Waits for an event that was asked for. */
static void check_event(const char *expected) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 30;
    int found = 0;
    pthread_mutex_lock(&lock);
    do {
        for (int index = 0; index < event_count; index++) {
            found |= strcmp(events[index], expected) == 0;
        }
    } while (!found && pthread_cond_timedwait(&changed, &lock, &until) == 0);
    event_count = 0;
    pthread_mutex_unlock(&lock);
    check(expected, found, 1);
}

static void nodes(zhandle_t *zk) {
    char path[256], data[64];
    int len = sizeof data;
    struct Stat stat;
    struct String_vector names;
    check("create", zoo_create(zk, "/c", "one", 3, &ZOO_OPEN_ACL_UNSAFE, 0, path, sizeof path), ZOK);
    check("create again", zoo_create(zk, "/c", "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0), ZNODEEXISTS);
    check("watch", zoo_wget(zk, "/c", watcher, NULL, data, &len, &stat), ZOK);
    check("length", len, 3);
    check("set", zoo_set2(zk, "/c", "three", 5, 0, &stat), ZOK);
    check("version", stat.version, 1);
    check_event("3 /c");
    check("set wrong version", zoo_set(zk, "/c", "x", 1, 0), ZBADVERSION);
    check("watch children", zoo_wget_children(zk, "/c", watcher, NULL, &names), ZOK);
    deallocate_String_vector(&names);
    int flags = ZOO_EPHEMERAL | ZOO_SEQUENCE;
    check("sequence", zoo_create(zk, "/c/s-", "", 0, &ZOO_OPEN_ACL_UNSAFE, flags, path, sizeof path), ZOK);
    check("its name", strcmp(path, "/c/s-0000000000"), 0);
    check_event("4 /c");
    check("create2", zoo_create2(zk, "/c/s-", "", 0, &ZOO_OPEN_ACL_UNSAFE, flags, path, sizeof path, &stat), ZOK);
    check("its owner", stat.ephemeralOwner == zoo_client_id(zk)->client_id, 1);
    check("children", zoo_get_children2(zk, "/c", 0, &names, &stat), ZOK);
    check("their number", names.count, 2);
    deallocate_String_vector(&names);
    check("not empty", zoo_delete(zk, "/c", -1), ZNOTEMPTY);
    check("exists", zoo_exists(zk, "/c/none", 0, &stat), ZNONODE);
    check("no node", zoo_get(zk, "/none", 0, data, &len, &stat), ZNONODE);
    check("bad path", zoo_create(zk, "/c//d", "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, NULL, 0), ZBADARGUMENTS);
}

static void multis(zhandle_t *zk) {
    char path[256];
    struct Stat stat;
    zoo_op_t ops[4];
    zoo_op_result_t results[4];
    zoo_create_op_init(&ops[0], "/m", "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, path, sizeof path);
    zoo_create_op_init(&ops[1], "/m/below", "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, path, sizeof path);
    zoo_set_op_init(&ops[2], "/m", "data", 4, 0, &stat);
    zoo_check_op_init(&ops[3], "/m", 1);
    check("multi", zoo_multi(zk, 4, ops, results), ZOK);
    zoo_delete_op_init(&ops[0], "/m/below", -1);
    zoo_create_op_init(&ops[1], "/m", "", 0, &ZOO_OPEN_ACL_UNSAFE, 0, path, sizeof path);
    zoo_delete_op_init(&ops[2], "/m", -1);
    check("failed multi", zoo_multi(zk, 3, ops, results), ZNODEEXISTS);
    check("before the failure", results[0].err, ZOK);
    check("the failure", results[1].err, ZNODEEXISTS);
    check("behind it", results[2].err, ZRUNTIMEINCONSISTENCY);
    check("nothing was done", zoo_exists(zk, "/m/below", 0, &stat), ZOK);
}

static int authenticated;

static void on_auth(int result, const void *data) {
    (void)data;
    pthread_mutex_lock(&lock);
    authenticated = result == ZOK ? 1 : -1;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static void permissions(zhandle_t *zk, const char *address) {
    char data[64];
    int len = sizeof data;
    struct Stat stat;
    struct ACL_vector acl;
    check("auth", zoo_add_auth(zk, "digest", "user:password", 13, on_auth, NULL), ZOK);
    pthread_mutex_lock(&lock);
    while (!authenticated) {
        pthread_cond_wait(&changed, &lock);
    }
    pthread_mutex_unlock(&lock);
    check("authenticated", authenticated, 1);
    check("secret", zoo_create(zk, "/secret", "s", 1, &ZOO_CREATOR_ALL_ACL, 0, NULL, 0), ZOK);
    check("get acl", zoo_get_acl(zk, "/secret", &acl, &stat), ZOK);
    check("scheme", strcmp(acl.data[0].id.scheme, "digest"), 0);
    deallocate_ACL_vector(&acl);
    zhandle_t *other = reach(address, NULL);
    check("not theirs", zoo_get(other, "/secret", 0, data, &len, &stat), ZNOAUTH);
    zookeeper_close(other);
    check("set acl", zoo_set_acl(zk, "/secret", -1, &ZOO_READ_ACL_UNSAFE), ZOK);
}

int main(int count, char **arguments) {
    if (count != 2) {
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
    zhandle_t *zk = reach(arguments[1], NULL);
    check("connected", zoo_state(zk) == ZOO_CONNECTED_STATE, 1);
    nodes(zk);
    multis(zk);
    permissions(zk, arguments[1]);
    /* A second handle takes the session over. */
    clientid_t id = *zoo_client_id(zk);
    zhandle_t *again = reach(arguments[1], &id);
    check("taken over", zoo_client_id(again)->client_id == id.client_id, 1);
    struct Stat stat;
    int found = ZCONNECTIONLOSS;
    /* The first handle wants its session back, and may take it in between. */
    for (int tries = 0; tries < 50 && found == ZCONNECTIONLOSS; tries++) {
        found = zoo_exists(again, "/c/s-0000000000", 0, &stat);
    }
    check("its ephemeral nodes", found, ZOK);
    zookeeper_close(again);
    zhandle_t *last = reach(arguments[1], NULL);
    check("are gone with it", zoo_exists(last, "/c/s-0000000000", 0, &stat), ZNONODE);
    check("read only", zoo_exists(last, "/secret", 0, &stat), ZOK);
    zookeeper_close(last);
    printf("%d of %d\n", passed, checks);
    /* The first handle's session is closed: nothing is left to say to it. */
    return passed == checks ? 0 : 1;
}
