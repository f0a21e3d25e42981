// The session of `deploy/notebook/shell.sh`: `spark`, and the functions to use on DataFrames.
import static org.apache.spark.sql.functions.*;
import dev.gemmaspark.spark.GemmaFunctions;
import java.util.Map;
import org.apache.spark.sql.*;

// jshell takes a line that could end a statement for its end: so the dots stand at the ends of lines
SparkSession spark = SparkSession.builder().
    appName("gemma-shell").
    master(System.getProperty("spark.master", "local[*]")).
    config("spark.ui.showConsoleProgress", false).
    getOrCreate();
spark.read().parquet("conf/demo/documents.parquet").createOrReplaceTempView("docs");
System.out.println("spark is a SparkSession, with the view docs. Try: spark.sql(\"SELECT id, gemma_summarize(body) FROM docs LIMIT 3\").show(false)");
