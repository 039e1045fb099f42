/**
 * A message as it stands on the wire (RFC 6455 §5.2): a server's frames are not masked (§5.1), so
 * that one is the same for everybody, and is made once for all who get it. Header and payload share
 * one buffer: one write for each socket, and nothing to put together there.
 */

/** The first byte of a whole text message: FIN, and the opcode 1. */
const TEXT = 0x81;

/** A text message in one frame. */
export function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const header = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  // Not from the pool: a frame that a history keeps would hold 8 KiB of others with it.
  const frame = Buffer.allocUnsafeSlow(header + length);
  frame[0] = TEXT;
  if (header === 2) {
    frame[1] = length;
  } else if (header === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeUInt32BE(0, 2);
    frame.writeUInt32BE(length, 6);
  }
  frame.write(text, header, 'utf8');
  return frame;
}

/** A message of the protocol as a frame. */
export function messageFrame(message: object): Buffer {
  return textFrame(JSON.stringify(message));
}
