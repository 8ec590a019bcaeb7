// Some front ends load a language after the packs' words were merged into it, and lose these words.
// Titles, descriptions and tooltips are put into the nodes' definitions here, from the same files.
import { app } from "../../../scripts/app.js";

function translate(definition, { display_name, description, inputs, outputs }) {
    Object.assign(definition, { display_name, description });
    for (const group of Object.values(definition.input ?? {}))
        for (const [name, socket] of Object.entries(group ?? {}))
            if (inputs[name]) socket[1] = { ...socket[1], tooltip: inputs[name].tooltip };
    definition.output_tooltips = Object.values(outputs).map(({ tooltip }) => tooltip);
}

app.registerExtension({
    name: "StyleCrafter.Words",
    async addCustomNodeDefs(definitions) {
        const language = app.extensionManager?.setting?.get("Comfy.Locale") ?? "en";
        const answer = await app.api.fetchApi("/i18n");
        if (language === "en" || !answer.ok) return;
        const words = (await answer.json())[language]?.nodeDefs ?? {};
        for (const [id, said] of Object.entries(words))
            if (id.startsWith("StyleCrafter") && definitions[id]) translate(definitions[id], said);
    },
});
