/* What a pod of the lab must be able to do: look up names, write to a volume, log, leave a termination message.
   Usage: check FILE NAME... ; ends with 1 at the first thing that fails. Loads glibc, as galsync does. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
static int say(const char *text, const char *more) {
  FILE *message = fopen("/dev/termination-log", "w");
  printf("%s %s\n", text, more);
  if (message) {
    fprintf(message, "%s %s\n", text, more);
    fclose(message);
  }
  return 1;
}
int main(int count, char **arguments) {
  struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found;
  char address[INET_ADDRSTRLEN];
  FILE *file;
  if (getuid() != 65532) return say("not the user the image names:", "uid is not 65532");
  if (!(file = fopen(arguments[1], "w"))) return say("cannot write:", strerror(errno));
  for (int i = 2; i < count; i++) {
    int error = getaddrinfo(arguments[i], 0, &hints, &found);
    if (error) return say(arguments[i], gai_strerror(error));
    inet_ntop(AF_INET, &((struct sockaddr_in *)found->ai_addr)->sin_addr, address, sizeof address);
    printf("%s is %s\n", arguments[i], address);
    fprintf(file, "%s is %s\n", arguments[i], address);
  }
  if (fclose(file)) return say("cannot write:", strerror(errno));
  if (getaddrinfo("nowhere.invalid", 0, &hints, &found) != EAI_NONAME) return say("nowhere.invalid", "is not said to be unknown");
  say("everything", "works");
  return 0;
}
