package dev.gemmaspark.spark.executor;

import java.net.InetAddress;
import java.net.UnknownHostException;

/** The name of this node, for messages. */
final class Host {
  private Host() {}

  static String name() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return "unknown";
    }
  }
}
