package dev.gemmaspark.spark.rag;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/** What has happened to the documents since the last run. */
final class Changes {
  /** In the place of the checksum of a document that cannot be read. */
  static final String UNREADABLE = "unreadable";

  private final List<Listed> listed;
  private final Set<String> added = new TreeSet<>();
  private final Set<String> changed = new TreeSet<>();
  private final Set<String> deleted = new TreeSet<>();
  private long lived;

  private Changes(List<Listed> listed) {
    this.listed = listed;
  }

  static Changes of(List<Listed> listed, Map<String, DocumentRow> known, Map<String, String> hashes) {
    Changes changes = new Changes(listed);
    Map<String, Listed> there = new LinkedHashMap<>();
    listed.forEach(each -> there.put(each.docId(), each));
    for (Listed each : listed) {
      DocumentRow row = known.get(each.docId());
      if (row == null || !row.isThere()) {
        changes.added.add(each.docId());
      } else {
        String hash = each.sha256() != null ? each.sha256() : hashes.get(each.docId());
        // what could not be read before and cannot now is what it was
        String before = row.isUnread() ? UNREADABLE : row.sha256();
        if (hash != null && !hash.equals(before)) {
          changes.changed.add(each.docId());
        }
      }
    }
    known.forEach(
        (docId, row) -> {
          if (row.isThere()) {
            changes.lived++;
            if (!there.containsKey(docId)) {
              changes.deleted.add(docId);
            }
          }
        });
    return changes;
  }

  List<Listed> listed() {
    return listed;
  }

  Set<String> added() {
    return added;
  }

  Set<String> changed() {
    return changed;
  }

  Set<String> deleted() {
    return deleted;
  }

  /** Documents that the last run knew of. */
  long lived() {
    return lived;
  }

  /** All whose shards are to be built. */
  Set<String> touched() {
    Set<String> all = new TreeSet<>(added);
    all.addAll(changed);
    all.addAll(deleted);
    return all;
  }
}
