import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { generate } from "selfsigned";

/** Files with a certificate that vouches for itself, and with its key. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** A certificate for a server on loopback, or for a client, in `folder`. */
export async function makeCertificate(folder: string, name: string): Promise<CertificateFiles> {
  const { cert, private: key } = await generate([{ name: "commonName", value: name }], {
    keyType: "ec",
    algorithm: "sha256",
    extensions: [
      { name: "basicConstraints", cA: true },
      { name: "subjectAltName", altNames: [{ type: 7, ip: "127.0.0.1" }] },
    ],
  });
  const files = { cert: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) };
  writeFileSync(files.cert, cert);
  writeFileSync(files.key, key);
  return files;
}
