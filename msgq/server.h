/* server.h - what server and client agree on
 *
 * A request has the type REQUEST and the text "PID TEXT". The answer is TEXT in capitals, and has
 * the PID as its type. The server holds a lock on a file that is named after the key.
 */
#ifndef SERVER_H
#define SERVER_H

enum { REQUEST = 1, MOST_BYTES = 4096 };

struct message {
    long type;
    char text[MOST_BYTES];
};

#define SERVER_NAME "msgq-%08x"

#endif
