// A real OpenID Connect provider with made-up accounts, for tests. What it is started with: FOLDER OF THE PACKAGE, SETTINGS (JSON).
import { pathToFileURL } from "node:url";

const [, , folder, text] = process.argv;
const { port, accounts, clients, idTokenLifetime } = JSON.parse(text);
const { default: Provider } = await import(pathToFileURL(`${folder}/node_modules/oidc-provider/lib/index.js`));

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients,
  claims: { openid: ["sub"], profile: ["name", "preferred_username"], groups: ["groups"] },
  scopes: ["openid", "profile", "groups"],
  ttl: { IdToken: idTokenLifetime },
  features: {
    devInteractions: { enabled: true },
    rpInitiatedLogout: { enabled: true },
  },
  // Any password is right: the accounts are made up.
  findAccount: (_, id) => accounts[id] && { accountId: id, claims: () => ({ sub: id, ...accounts[id] }) },
});
provider.on("server_error", (_, error) => console.error(error));
provider.listen(port, "127.0.0.1", () => console.log("listening"));
