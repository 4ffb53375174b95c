// A network that can be lost: passes TCP on to one port, until it is cut.
import { connect, createServer } from "node:net";
import { once } from "node:events";

export async function network() {
  let target = null;
  let up = true;
  const open = new Set();
  const server = createServer((client) => {
    if (!up || target === null) {
      client.destroy();
      return;
    }
    const hub = connect(target.port, target.host);
    for (const [from, to] of [
      [client, hub],
      [hub, client],
    ]) {
      open.add(from);
      from.pipe(to);
      from.on("error", () => to.destroy());
      from.on("close", () => {
        open.delete(from);
        to.destroy();
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    address: `127.0.0.1:${server.address().port}`,
    leadsTo(address) {
      const [host, port] = address.split(":");
      target = { host, port: Number(port) };
    },
    cut() {
      up = false;
      for (const socket of open) socket.destroy();
    },
    mend() {
      up = true;
    },
    close() {
      this.cut();
      server.close();
    },
  };
}
