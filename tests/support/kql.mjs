// Reads queries, a JSON list, from standard input, and prints what Kusto's own
// language service finds wrong with each, a line per finding. Its argument is
// the folder that the service is installed in.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import path from "node:path";

const require = createRequire(path.join(process.argv[2], "package.json"));
require("@kusto/language-service-next/bridge.min.js");
require("@kusto/language-service-next/Kusto.Language.Bridge.min.js");

const { Kusto } = globalThis;
const { TableSymbol, DatabaseSymbol, ClusterSymbol } = Kusto.Language.Symbols;

// The columns of Application Insights' tables that queries here may name
// (Azure Monitor's documentation, "Application Insights data model").
const COMMON =
  "timestamp: datetime, id: string, name: string, success: string, resultCode: string, duration: real, itemType: string, " +
  "customDimensions: dynamic, operation_Name: string, operation_Id: string, operation_ParentId: string, " +
  "cloud_RoleName: string, cloud_RoleInstance: string, itemCount: int";
const tables = [
  ["requests", `${COMMON}, source: string, url: string`],
  ["dependencies", `${COMMON}, target: string, type: string, data: string`],
].map(([name, columns]) => TableSymbol.From(`(${columns})`).WithName(name));

const database = new DatabaseSymbol.$ctor1("resource", tables);
const globals = Kusto.Language.GlobalState.Default.WithDatabase(database);

const queries = JSON.parse(readFileSync(0, "utf8"));
for (const query of queries) {
  const code = Kusto.Language.KustoCode.ParseAndAnalyze(query, globals);
  const found = code.GetDiagnostics();
  for (let n = 0; n < found.Count; n += 1) {
    console.log(`${found.getItem(n).Message} in: ${query}`);
  }
}
