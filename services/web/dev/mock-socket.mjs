// The server's side of a WebSocket, as much as the mock needs: text frames, close, no fragments, no extensions.
import { createHash } from "node:crypto";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

function frame(opcode, payload) {
  const size = payload.length;
  const head = size < 126 ? Buffer.from([0x80 | opcode, size]) : Buffer.alloc(size < 65536 ? 4 : 10);
  if (size >= 126) {
    head[0] = 0x80 | opcode;
    head[1] = size < 65536 ? 126 : 127;
    if (size < 65536) head.writeUInt16BE(size, 2);
    else head.writeBigUInt64BE(BigInt(size), 2);
  }
  return Buffer.concat([head, payload]);
}

/** Takes over an upgraded connection; `onText` gets each message, `onClose` is called once. */
export function accept(request, socket, onText, onClose) {
  const key = createHash("sha1").update(request.headers["sec-websocket-key"] + GUID).digest("base64");
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${key}\r\n\r\n`);
  let held = Buffer.alloc(0);
  socket.on("data", (data) => {
    held = Buffer.concat([held, data]);
    for (let read = parse(held); read !== null; read = parse(held)) {
      held = held.subarray(read.size);
      if (read.opcode === 8) socket.end(frame(8, Buffer.alloc(0)));
      if (read.opcode === 1) onText(read.payload.toString());
    }
  });
  socket.on("error", () => {});
  socket.on("close", onClose);
  return {
    send: (value) => socket.writable && socket.write(frame(1, Buffer.from(JSON.stringify(value)))),
    close: () => socket.destroy(),
  };
}

function parse(held) {
  if (held.length < 2) return null;
  let size = held[1] & 127;
  let at = 2;
  if (size === 126) {
    if (held.length < 4) return null;
    size = held.readUInt16BE(2);
    at = 4;
  } else if (size === 127) {
    if (held.length < 10) return null;
    size = Number(held.readBigUInt64BE(2));
    at = 10;
  }
  if (held.length < at + 4 + size) return null;
  const mask = held.subarray(at, at + 4);
  const payload = Buffer.from(held.subarray(at + 4, at + 4 + size));
  for (let i = 0; i < size; i++) payload[i] ^= mask[i % 4];
  return { opcode: held[0] & 15, payload, size: at + 4 + size };
}
