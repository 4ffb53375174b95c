# syntax=docker/dockerfile:1

# The pages. Their output goes into the program.
FROM node:22-bookworm-slim AS pages
WORKDIR /build/services/web
COPY services/web/package.json services/web/package-lock.json ./
RUN npm ci
COPY services/web ./
RUN npm run build

# The program.
FROM rust:1.95-bookworm AS program
WORKDIR /build
COPY . .
COPY --from=pages /build/services/web/dist services/web/dist
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/build/target \
    cargo build --release --locked -p rapport && cp target/release/rapport /usr/local/bin/rapport

# What runs: the program, a folder for its data, nobody's rights.
FROM debian:bookworm-slim
RUN useradd --system --create-home --home-dir /var/lib/rapport --shell /usr/sbin/nologin rapport
COPY --from=program /usr/local/bin/rapport /usr/local/bin/rapport
USER rapport
WORKDIR /var/lib/rapport
VOLUME /var/lib/rapport
EXPOSE 8080/tcp 8081/tcp 5060/udp 20000-20099/udp
# Stopping finishes what has begun: at most ten seconds, and a little for the goodbyes.
STOPSIGNAL SIGTERM
ENTRYPOINT ["rapport"]
CMD ["serve", "--config", "/etc/rapport/rapport.toml"]
