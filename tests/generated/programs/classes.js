// Generates Java and TypeScript classes from an AsyncAPI document with Modelina; a field without a member is an error then.
import { JAVA_JACKSON_PRESET, JavaFileGenerator, TS_COMMON_PRESET, TypeScriptFileGenerator } from "@asyncapi/modelina";
import { Parser, fromFile } from "@asyncapi/parser";

const [file, folder] = process.argv.slice(2);
const { document } = await fromFile(new Parser(), file).parse();
const processorOptions = { interpreter: { ignoreAdditionalProperties: true } };
const java = new JavaFileGenerator({ collectionType: "List", presets: [JAVA_JACKSON_PRESET], processorOptions });
await java.generateToFiles(document, `${folder}/java/contracts`, { packageName: "contracts" }, true);
const marshalling = { preset: TS_COMMON_PRESET, options: { marshalling: true } };
const typescript = new TypeScriptFileGenerator({ modelType: "class", presets: [marshalling], processorOptions });
await typescript.generateToFiles(document, `${folder}/ts`, { exportType: "named" }, true);
