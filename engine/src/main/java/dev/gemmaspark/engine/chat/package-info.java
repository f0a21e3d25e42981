/**
 * Turns of a conversation to the prompt that the model was trained on. Start with {@link
 * dev.gemmaspark.engine.chat.ChatTemplate}. Text never becomes a control token here: a rendered prompt keeps the two apart.
 */
package dev.gemmaspark.engine.chat;
