/**
 * Files that runs share on any file system that Hadoop knows: locks, and small files that are replaced whole. Start with {@code FolderLock}.
 * Must not know what the files are about.
 */
package dev.gemmaspark.spark.storage;
