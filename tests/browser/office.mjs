// A department's system: an HTTP server that knows nothing of the hub but Standard Webhooks, checked by the package of
// that name. `node office.mjs serve SECRET PORT` prints its port, then a line for every request. What it answers next is
// told by a POST to /answers: a list of statuses, or of {"status","headers","silent"}. Without word it answers 204.
// `node office.mjs sign SECRET ID SECONDS` prints the signature of its input.
import { createServer } from "node:http";
import { Webhook } from "standardwebhooks";

const [what, secret, ...rest] = process.argv.slice(2);
const webhook = new Webhook(secret);

async function read(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts).toString("utf8");
}

function say(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function serve() {
  const answers = [];
  const server = createServer(async (request, response) => {
    const text = await read(request);
    if (request.url === "/answers") {
      answers.push(...JSON.parse(text));
      response.writeHead(204).end();
      return;
    }
    let genuine = true;
    let why = null;
    try {
      webhook.verify(text, request.headers);
    } catch (error) {
      genuine = false;
      why = String(error);
    }
    const next = answers.shift() ?? 204;
    const answer = typeof next === "number" ? { status: next } : next;
    say({
      id: request.headers["webhook-id"],
      timestamp: request.headers["webhook-timestamp"],
      signature: request.headers["webhook-signature"],
      type: request.headers["content-type"],
      genuine,
      why,
      status: answer.status,
      text,
    });
    if (answer.silent) return;
    response.writeHead(answer.status, answer.headers ?? {});
    response.end();
  });
  const port = Number(rest[0] ?? 0);
  server.listen(port, "127.0.0.1", () => say({ port: server.address().port }));
}

if (what === "serve") {
  serve();
} else if (what === "sign") {
  const [id, seconds] = rest;
  process.stdout.write(webhook.sign(id, new Date(Number(seconds) * 1000), await read(process.stdin)));
} else {
  throw new Error("say serve or sign");
}
