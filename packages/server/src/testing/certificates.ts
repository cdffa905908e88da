import { generate } from "selfsigned";

/** A certificate and its key, as PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** An authority of its own, with a certificate for a server on loopback and one for a client. */
export interface Certificates {
  readonly ca: Certificate;
  readonly server: Certificate;
  readonly client: Certificate;
}

export async function makeCertificates(): Promise<Certificates> {
  const ca = await make("test authority", [
    { name: "basicConstraints", cA: true, critical: true },
    { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true },
  ]);
  const server = await make(
    "test server",
    [
      { name: "basicConstraints", cA: false },
      { name: "extKeyUsage", serverAuth: true },
      {
        name: "subjectAltName",
        altNames: [
          { type: 2, value: "localhost" },
          { type: 7, ip: "127.0.0.1" },
        ],
      },
    ],
    ca,
  );
  const client = await make(
    "test client",
    [
      { name: "basicConstraints", cA: false },
      { name: "extKeyUsage", clientAuth: true },
    ],
    ca,
  );
  return { ca, server, client };
}

type Extensions = NonNullable<NonNullable<Parameters<typeof generate>[1]>["extensions"]>;

async function make(commonName: string, extensions: Extensions, ca?: Certificate): Promise<Certificate> {
  const options = { keyType: "ec", algorithm: "sha256", extensions, ...(ca && { ca }) } as const;
  const { cert, private: key } = await generate([{ name: "commonName", value: commonName }], options);
  return { cert, key };
}
