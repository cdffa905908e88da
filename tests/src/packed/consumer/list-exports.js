// Imports the modules named as arguments and prints how many names each exports.
const counts = {};
for (const name of process.argv.slice(2)) counts[name] = Object.keys(await import(name)).length;
console.log(JSON.stringify(counts));
